// Inside the offline file: unpacks the pages and shows one at a time, in a frame. See offline.py.

const WINDOWS_1252 = new TextDecoder("windows-1252");
const byteOf = new Map(Array.from({ length: 256 }, (_, byte) => [WINDOWS_1252.decode(Uint8Array.of(byte)), byte]));

/** The packed text. A server may have called this file UTF-8: then the bytes are asked for again. */
async function packedText() {
  const here = document.getElementById("packed").textContent;
  if (document.characterSet === "windows-1252") return here;
  const all = WINDOWS_1252.decode(await (await fetch(location.href)).arrayBuffer());
  const [start, end] = ['id="packed">', "</" + "script>"];
  const from = all.indexOf(start) + start.length;
  return all.slice(from, all.indexOf(end, from));
}

/** Letters -> bytes; "=" says that the next one was moved up by 64. */
function bytesOf(text) {
  const bytes = new Uint8Array(text.length);
  let size = 0;
  for (let i = 0; i < text.length; i++)
    bytes[size++] = text[i] === "=" ? byteOf.get(text[++i]) - 64 : byteOf.get(text[i]);
  return bytes.subarray(0, size);
}

/** The even bytes come first, then the odd ones: back to their places. */
function interleaved(bytes) {
  const whole = new Uint8Array(bytes.length), half = Math.ceil(bytes.length / 2);
  for (let i = 0; i < bytes.length; i++) whole[i] = i % 2 ? bytes[half + (i - 1) / 2] : bytes[i / 2];
  return whole;
}

async function unpack() {
  const stream = new Blob([bytesOf(await packedText())]).stream().pipeThrough(new DecompressionStream("deflate"));
  const all = new Uint8Array(await new Response(stream).arrayBuffer());
  let at = all.indexOf(10) + 1;
  const files = new Map();
  for (const [name, size] of JSON.parse(new TextDecoder().decode(all.subarray(0, at)))) {
    files.set(name, all.subarray(at, at + size));
    at += size;
  }
  return files;
}

const files = await unpack(), text = (name) => new TextDecoder().decode(files.get(name));
const modules = [...files.keys()].filter((name) => name.startsWith("live/"));
const addresses = modules.map((name) => [name, `data:text/javascript;charset=utf-8,${encodeURIComponent(text(name))}`]);
const map = JSON.stringify({ imports: Object.fromEntries(addresses) });

/** What the pages fetch are their weights: they are here. */
window.answer = (address) => {
  const found = files.get(address);
  if (!found) return Promise.reject(new TypeError(`${address} is not in this file`));
  return Promise.resolve(new Response(interleaved(found), { headers: { "Content-Length": found.length } }));
};
window.go = (name) => (location.hash = name);

const HEAD = `<script>
  window.fetch = (address) => parent.answer(address);
  addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[href]");
    const page = link && /^(\\w+)\\.html$/.exec(link.getAttribute("href"));
    if (!page) return;
    event.preventDefault();
    parent.go(page[1]);
  });
<${""}/script>
<script type="importmap">${map.replaceAll("<", "\\u003c")}<${""}/script>
`;

function show() {
  const asked = location.hash.slice(1), name = files.has(asked) && !asked.includes("/") ? asked : "index";
  const frame = document.createElement("iframe"), html = text(name);
  frame.srcdoc = html.replace('<script type="module">', () => `${HEAD}<script type="module">`);
  frame.title = document.title = /<title>(.*?)<\/title>/.exec(html)[1];
  document.body.replaceChildren(frame);
}
addEventListener("hashchange", show);
show();
