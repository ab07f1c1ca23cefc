import { meaningOf } from '../../actions/links.ts';
import type { Person } from '../../person.ts';
import type { Review } from '../../store/decisions.ts';
import type { LaunchRow } from '../../store/results.ts';
import { type Html, html } from '../html.ts';
import { findAccountForm } from './find-account.ts';
import { csrfField, type Viewer } from './layout.ts';
import { nothing, outside, people, personLink, runLink, time } from './parts.ts';

/** What the page of reviews shows of one customer. */
export type ReviewsOf = {
  readonly customer: string;
  readonly reviews: readonly Review[];
  /** The rows of those people, as far as they have one. */
  readonly rows: ReadonlyMap<string, Person>;
  readonly launches: readonly LaunchRow[];
  readonly mayAct: boolean;
};

/** People who cannot be matched safely, beside the accounts that may be theirs; and launches that wait for somebody. */
export function reviewPage(customers: readonly ReviewsOf[], linked: string | null, viewer: Viewer): Html {
  const reviews = customers.flatMap((of) => of.reviews.map((review) => ({ of, review })));
  const launches = customers.flatMap((of) => of.launches.map((launch) => ({ of, launch })));
  return html`<h1>Review</h1>
${linked === null ? nothing : html`<p role="status" class="card good">Linked ${outside(linked)}. The next run goes on from there.</p>`}
<h2>People who cannot be matched safely</h2>
${reviews.length === 0 ? html`<p>Nobody.</p>` : html`<p class="soft">Nothing happens to them until it is settled: here, in HR, or in the account there.</p>`}
${reviews.map(({ of, review }) => reviewCard(of, review, viewer))}
<h2 id="launches">Launched trainings</h2>
${launches.length === 0 ? html`<p>None waits for anybody.</p>` : launches.map(({ of, launch }) => launchCard(of, launch, viewer))}`;
}

function reviewCard({ customer, rows, mayAct }: ReviewsOf, review: Review, viewer: Viewer): Html {
  const row = rows.get(review.person);
  const name = row === undefined ? '' : `${row.firstName ?? ''} ${row.lastName ?? ''}`.trim();
  return html`<section class="card wait"><h3>${name === '' ? nothing : html`${outside(name)}, `}${personLink(customer, review.person)} on ${review.platform}</h3>
<p>${meaningOf(review.code)} <span class="soft small">${review.code}, since ${time(review.since_ms)}</span></p>
<table class="stack"><caption class="visually-hidden">The row and the accounts that may be theirs</caption><thead><tr><th>Where</th><th>Id</th><th>Email</th><th></th></tr></thead><tbody>
<tr><th scope="row">Roster</th><td>${outside(review.person)}</td><td>${outside(row?.email ?? 'no usable row')}</td><td>${row === undefined ? nothing : html`${outside(row.department ?? '')}, ${row.state}`}</td></tr>
${review.accounts.map(
  (account) =>
    html`<tr><th scope="row">Account</th><td>${outside(account)}</td><td></td><td>${
      mayAct && review.code !== 'FIELD_MISSING'
        ? html`<form method="post" action="/review/link">${csrfField(viewer)}<input type="hidden" name="customer" value="${customer}"><input type="hidden" name="platform" value="${review.platform}"><input type="hidden" name="person" value="${review.person}"><input type="hidden" name="account" value="${account}"><button>This is theirs<span class="visually-hidden">: ${account}</span></button></form>`
        : nothing
    }</td></tr>`,
)}</tbody></table>
${mayAct && review.code !== 'FIELD_MISSING' ? findAccountForm({ customer, platform: review.platform, person: review.person }, '', review.accounts.length > 0, viewer) : nothing}
<p class="soft small">To leave them alone for good, add ${outside(review.person)} to ignore.people.</p></section>`;
}

const launchWords = {
  sent: 'It was sent',
  unsent: 'It was not sent: send it with the next run',
  approve: 'Release it',
} as const;

function launchCard({ customer, mayAct }: ReviewsOf, launch: LaunchRow, viewer: Viewer): Html {
  const unknown = launch.state === 'unknown';
  const ways = unknown ? (['sent', 'unsent'] as const) : (['approve'] as const);
  const buttons = ways.map(
    (way) =>
      html`<button name="decision" value="${way}">${launchWords[way]}<span class="visually-hidden">: ${launch.name}</span></button> `,
  );
  return html`<section class="card ${unknown ? 'bad' : 'wait'}"><h3>${outside(launch.name)} on ${launch.platform}</h3>
<p>${
    unknown
      ? html`Nobody knows whether it was sent to its ${people(launch.reach)}: the answer never came. It is not sent again by itself, so that nobody is invited twice. Look it up on ${launch.platform}, then say so.`
      : html`It would be sent to ${people(launch.reach)}, which passes the limit on enroll.`
  }</p>
${
  mayAct
    ? html`<form method="post" action="/review/launch" class="row">${csrfField(viewer)}<input type="hidden" name="customer" value="${customer}"><input type="hidden" name="platform" value="${launch.platform}"><input type="hidden" name="launch" value="${launch.name}">${buttons}</form>`
    : nothing
}
<p class="soft small">${launch.customer}, since ${time(launch.changed_ms)}, ${runLink(launch.run_id, 'its run')}</p></section>`;
}
