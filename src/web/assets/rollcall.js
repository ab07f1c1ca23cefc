// What makes the pages pleasant. Each of them works without: nothing here decides, and nothing is sent but what a form sends.
document.documentElement.classList.add('scripted');

const asked = (selector, root = document) => [...root.querySelectorAll(selector)];

// Times in the reader's zone; the exact one stays as the title.
const format = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
for (const time of asked('time[datetime]')) {
  const at = new Date(time.dateTime);
  if (!Number.isNaN(at.getTime())) time.textContent = format.format(at);
}

// Rows are filtered as one types.
for (const input of asked('input[data-filter]')) {
  const rows = asked(`${input.dataset.filter} [data-text]`);
  const count = document.querySelector(`${input.dataset.filter}-count`);
  input.addEventListener('input', () => {
    const words = input.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of rows) {
      const fits = words.every((word) => row.dataset.text.includes(word));
      row.classList.toggle('hidden', !fits);
      if (fits) left++;
    }
    if (count) count.textContent = `${left} of ${rows.length}`;
  });
}

// Select all; a group's tick stands for its people's.
for (const button of asked('button[data-tick]')) {
  button.addEventListener('click', () => {
    for (const box of asked('input[type=checkbox][name=group]', button.form ?? document)) {
      box.checked = button.dataset.tick === 'all';
      box.dispatchEvent(new Event('change'));
    }
  });
}
for (const box of asked('input[type=checkbox][name=group]')) {
  box.addEventListener('change', () => {
    // Of this group: its sites and its people.
    for (const one of asked(`input[type=checkbox][data-of="${box.value}"]`)) {
      one.checked = box.checked;
      one.disabled = box.checked;
    }
  });
}

// What is folded is printed too: a record names everybody.
addEventListener('beforeprint', () => {
  for (const fold of asked('details:not([open])')) {
    fold.open = true;
    fold.dataset.folded = '';
  }
});
addEventListener('afterprint', () => {
  for (const fold of asked('details[data-folded]')) {
    fold.open = false;
    delete fold.dataset.folded;
  }
});

// Progress while a run is under way; the page is read anew when it has ended.
const live = document.querySelector('[data-events]');
if (live !== null) {
  const bar = live.querySelector('progress');
  const text = live.querySelector('[data-progress]');
  const events = new EventSource(live.dataset.events);
  events.addEventListener('progress', (event) => {
    const { status, done, total } = JSON.parse(event.data);
    if (bar !== null && total > 0) {
      bar.max = total;
      bar.value = done;
    }
    if (text !== null)
      text.textContent =
        total > 0 ? `${status}: ${done.toLocaleString()} of ${total.toLocaleString()}` : status;
  });
  events.addEventListener('ended', () => {
    events.close();
    location.reload();
  });
}
