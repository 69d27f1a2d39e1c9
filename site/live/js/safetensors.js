// A safetensors file in the browser: 8 bytes of length, a JSON header, then the numbers.
//
// F16 is widened while it is read. I8 comes with one scale for each output channel, NAME.scale, and
// is multiplied by it. The files of the library itself, in 32 bits, are read as they are.

/** Fetch and read a file; `progress` is called with the bytes that have come and all of them. */
export async function load(address, progress = () => {}) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status} ${answer.statusText}`);
  const all = Number(answer.headers.get("Content-Length")), parts = [];
  let come = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    progress((come += value.length), Math.max(all, come));
  }
  return read(await new Blob(parts).arrayBuffer());
}

/** {tensors: {name: {shape, data}}, header}: the header is what the library wrote beside them. */
export function read(buffer) {
  const start = 8 + Number(new DataView(buffer).getBigUint64(0, true));
  const text = new TextDecoder().decode(new Uint8Array(buffer, 8, start - 8));
  const { __metadata__: about = {}, ...entries } = JSON.parse(text), tensors = {};
  for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(entries)) {
    if (!(dtype in widened)) throw new Error(`${name} is ${dtype}, which this page cannot read`);
    // A typed array must begin at a multiple of its size: a slice begins at 0.
    tensors[name] = { shape, data: widened[dtype](buffer.slice(start + begin, start + end)) };
  }
  for (const name of Object.keys(tensors).filter((name) => name.endsWith(SCALE))) {
    const { data } = tensors[name.slice(0, -SCALE.length)], scale = tensors[name].data;
    const each = data.length / scale.length;
    for (let i = 0; i < data.length; i++) data[i] *= scale[Math.floor(i / each)];
    delete tensors[name];
  }
  return { tensors, header: JSON.parse(about.tutorial_lib ?? "{}") };
}

const SCALE = ".scale";

const widened = {
  F64: (bytes) => new Float64Array(bytes),
  F32: (bytes) => new Float32Array(bytes),
  F16: (bytes) => Float32Array.from(new Uint16Array(bytes), fromHalf),
  I64: (bytes) => Int32Array.from(new BigInt64Array(bytes), Number),
  I8: (bytes) => Float32Array.from(new Int8Array(bytes)),
  U8: (bytes) => new Uint8Array(bytes),
  BOOL: (bytes) => new Uint8Array(bytes),
};

/** 16 bits: one of sign, five of exponent, ten of fraction. */
function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24; // so small that the leading 1 is gone
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
