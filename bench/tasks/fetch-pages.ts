// The floor of reading a platform: fetch and JSON.parse of the same pages, eight at a time as the product does.
const [, , base = '', apiKey = '', total = '0'] = process.argv;
const pages = Math.max(1, Math.ceil(Number(total) / 200));
let next = 0;
let items = 0;

async function read(): Promise<void> {
  while (next < pages) {
    const response = await fetch(`${base}/users?page=${next++}&pageSize=200`, {
      headers: { 'x-api-key': apiKey },
    });
    const body = JSON.parse(await response.text()) as { data: { items: unknown[] } };
    items += body.data.items.length;
  }
}

await Promise.all(Array.from({ length: 8 }, read));
console.log(JSON.stringify({ items }));
