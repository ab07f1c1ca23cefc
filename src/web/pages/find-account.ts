import { type FoundAccounts, nameOfAccount } from '../../actions/find-accounts.ts';
import type { Person } from '../../person.ts';
import { type Html, html } from '../html.ts';
import { csrfField, type Viewer } from './layout.ts';
import { count, nothing, outside, personLink } from './parts.ts';

/** Whose account is looked for, and where. */
export type LookedFor = { readonly customer: string; readonly platform: string; readonly person: string };

/** The form that looks for an account; with the candidates of a review, they are looked up by a button of their own. */
export function findAccountForm(of: LookedFor, text: string, candidates: boolean, viewer: Viewer): Html {
  const id = `find-${of.platform}-${of.person}`;
  const hidden = html`${csrfField(viewer)}<input type="hidden" name="customer" value="${of.customer}"><input type="hidden" name="platform" value="${of.platform}"><input type="hidden" name="person" value="${of.person}">`;
  const who = html`<span class="visually-hidden"> for ${of.person} on ${of.platform}</span>`;
  return html`<form method="post" action="/review/find" class="row">${hidden}<div class="field"><label for="${id}">Find an account by name, email or id${who}</label><input id="${id}" name="text" type="search" value="${text}" required maxlength="200" autocomplete="off"></div><button>Find${who}</button></form>${
    candidates
      ? html`<form method="post" action="/review/find" class="row">${hidden}<button>Look the accounts up there${who}</button></form>`
      : nothing
  }`;
}

/** Accounts that were found on the platform, beside the person's row; each can be linked that is nobody else's. */
export function foundAccountsPage(
  of: LookedFor,
  row: Person | undefined,
  found: FoundAccounts,
  text: string,
  viewer: Viewer,
): Html {
  const { customer, platform, person } = of;
  const name = row === undefined ? '' : `${row.firstName ?? ''} ${row.lastName ?? ''}`.trim();
  return html`<h1>Accounts on ${platform}</h1>
<p>For ${name === '' ? nothing : html`${outside(name)}, `}${personLink(customer, person)}${row?.email == null ? nothing : html`, ${outside(row.email)}`}${row?.department == null ? nothing : html`, ${outside(row.department)}`}</p>
${
  found.accounts.length === 0
    ? html`<p>None was found.</p>`
    : html`<table class="stack"><thead><tr><th>Name</th><th>Email</th><th>Employee id there</th><th>Id there</th><th>Active</th><th>Whose</th><th><span class="visually-hidden">Link</span></th></tr></thead>
<tbody>${found.accounts.map(({ account, holder }) => {
        const called = nameOfAccount(account);
        const key = account.id ?? account.externalId ?? account.email ?? '';
        return html`<tr><th scope="row">${called === '' ? html`<span class="soft">no name</span>` : outside(called)}</th><td data-label="Email">${outside(account.email ?? '')}</td><td data-label="Employee id there">${outside(account.externalId ?? '')}</td><td data-label="Id there">${outside(account.id ?? '')}</td><td data-label="Active">${account.active ? 'yes' : 'no'}</td><td data-label="Whose">${holder === null ? "nobody's" : personLink(customer, holder)}</td><td>${
          holder !== null && holder !== person
            ? html`<span class="soft small">unlink that first</span>`
            : html`<form method="post" action="/review/link">${csrfField(viewer)}<input type="hidden" name="customer" value="${customer}"><input type="hidden" name="platform" value="${platform}"><input type="hidden" name="person" value="${person}"><input type="hidden" name="account" value="${key}"><button>This is theirs<span class="visually-hidden">: ${key}</span></button></form>`
        }</td></tr>`;
      })}</tbody></table>${found.more ? html`<p class="soft">The first ${count(found.accounts.length)}: write more to see others.</p>` : nothing}`
}
${findAccountForm(of, text, false, viewer)}
<p><a href="/review">Back to the reviews, nothing decided</a></p>`;
}
