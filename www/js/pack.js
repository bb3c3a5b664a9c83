// WebAssembly code sorted by kind, so that a web host's compression takes a sixth more off it: what an instruction
// does, how far from a pointer it loads and which constant it takes are told apart, and like stands by like. A local that
// is read is told by how many others were touched since, which is alike in all functions; the two touched last, and the
// commonest constants, are instructions of their own.
// `pack` runs after a release build (www/pack.mjs); `unpack` before the page begins and in the engine's worker.
// Always: `unpack(pack(code))` does what `code` does. Left out are the lengths before the code section and each function,
// which come back as five bytes, and the alignments, which are hints and come back as the natural ones.
// An instruction that is not listed here is refused when it is packed.
// Source: WebAssembly core specification, chapter 5, without SIMD, exceptions and tail calls.
const MAGIC = [0x00, 0x76, 0x74, 0x68]; // in the place of "\0asm"
const [REST, BLOCK, BRANCH, TABLE, LONG, FLOAT, LOCALS, OTHER, OP, CALL, GET, SET, TEE, LOAD, STORE, CONST, STREAMS] = Array(17).keys();
/** Of the loads and stores, the logarithms of their sizes. */
const FIRST_LOAD = 0x28;
const SIZES = "23230011001122232301012";
const CODE = 10;
/** Opcodes that WebAssembly has not: first the reads of the locals touched last, then instructions with their one-byte operand. */
const SHORT = 0xe0;
const READS = 2;
const PAIRS = [[0x41, 0], [0x41, 1], [0x41, 2], [0x41, 4], [0x41, 8], [0x41, 12], [0x41, 16], [0x36, 0]];
/** Locals that are told by when they were touched; the others are told by their number. */
const RECENT = Uint8Array.from({ length: 256 }, (_, local) => local);
/** What opcodes are lowered by: as they are, brotli takes them for text, and all that follows with them. */
const LOWERED = 0x20;

/** Of one function, the locals in the order in which they were touched last. */
function touched() {
  const locals = RECENT.slice();
  const front = (rank, local) => {
    for (let at = rank; at > 0; at -= 1) locals[at] = locals[at - 1];
    locals[0] = local;
    return local;
  };
  return {
    /** Touches a local, and gives its place before that. */
    rank(local) {
      if (local >= RECENT.length) return local;
      let rank = 0;
      while (locals[rank] !== local) rank += 1;
      front(rank, local);
      return rank;
    },
    /** Touches the local in that place, and gives it. */
    local: (rank) => (rank < RECENT.length ? front(rank, locals[rank]) : rank),
  };
}

/**
 * Moves one function's body, byte by byte: `take(stream)` moves the next byte of that kind, and gives it; `hint(byte)` is
 * told what stands between an opcode and its operand; `next(locals)` moves an opcode, and gives it, or nothing where it
 * has moved the operand, too.
 */
function body(take, hint, next) {
  const number = (stream) => { while (take(stream) & 128); };
  const numbers = (stream, count) => { for (let left = count; left > 0; left -= 1) number(stream); };
  const count = (stream) => {
    let [value, shift, byte] = [0, 0, 128];
    for (; byte & 128; shift += 7) {
      byte = take(stream);
      value |= (byte & 127) << shift;
    }
    return value;
  };
  for (let left = count(LOCALS); left > 0; left -= 1) {
    number(LOCALS);
    take(LOCALS);
  }
  const locals = touched();
  for (let depth = 1; depth > 0;) {
    const op = next(locals);
    if (op === undefined) continue;
    if (op === 0x0b) depth -= 1;
    else if (op === 0x21) locals.rank(count(SET));
    else if (op === 0x22) locals.rank(count(TEE));
    else if (op === 0x41) number(CONST);
    else if (op >= FIRST_LOAD && op <= 0x3e) {
      hint(SIZES.charCodeAt(op - FIRST_LOAD) & 15);
      number(op < 0x36 ? LOAD : STORE);
    } else if (op >= 0x02 && op <= 0x04) {
      depth += 1;
      number(BLOCK);
    } else if (op === 0x0c || op === 0x0d) number(BRANCH);
    else if (op === 0x0e) numbers(TABLE, count(TABLE) + 1);
    else if (op === 0x10) number(CALL);
    else if (op === 0x11) numbers(OTHER, 2);
    else if (op === 0x42) number(LONG);
    else if (op === 0x43) for (let left = 4; left > 0; left -= 1) take(FLOAT);
    else if (op === 0x44) for (let left = 8; left > 0; left -= 1) take(FLOAT);
    else if ((op >= 0x23 && op <= 0x26) || op === 0x3f || op === 0x40 || op === 0xd0 || op === 0xd2) number(OTHER);
    else if (op === 0x1c) numbers(OTHER, count(OTHER));
    else if (op === 0xfc) {
      const more = count(OP);
      if (more > 17) throw new Error(`instruction fc ${more} is not known`);
      numbers(OTHER, more < 8 ? 0 : [2, 1, 2, 1, 2, 1, 2, 1, 1, 1][more - 8]);
    } else if (!(op <= 0x01 || op === 0x05 || op === 0x0f || op === 0x1a || op === 0x1b || op === 0xd1 || (op >= 0x45 && op <= 0xc4))) {
      throw new Error(`instruction ${op.toString(16)} is not known`);
    }
  }
}

const isPacked = (bytes) => MAGIC.every((byte, at) => bytes[at] === byte);

/** A number as five bytes of seven bits, and back from however many. */
const wide = (value) => [0, 1, 2, 3, 4].map((at) => ((value >>> (7 * at)) & 127) | (at < 4 ? 128 : 0));
/** The same as few as it can be. */
const least = (value) => (value < 128 ? [value] : [(value & 127) | 128, ...least(value >>> 7)]);
function narrow(bytes, at) {
  let [value, shift, byte] = [0, 0, 128];
  while (byte & 128) {
    byte = bytes[at++];
    value |= (byte & 127) << shift;
    shift += 7;
  }
  return [value, at];
}

export function pack(wasm) {
  const streams = Array.from({ length: STREAMS }, () => []);
  let at = 8;
  let [code, count, size] = [0, 0, 0];
  const hint = () => {
    at += 1;
    size += 1;
  };
  const take = (stream) => {
    const byte = wasm[at];
    streams[stream].push(byte);
    hint();
    return byte;
  };
  const next = (locals) => {
    const op = wasm[at];
    if (op === 0x20) {
      const [local, after] = narrow(wasm, at + 1);
      const rank = locals.rank(local);
      [at, size] = [after, size + 1 + least(local).length];
      streams[OP].push(rank < READS ? SHORT + rank : op);
      if (rank >= READS) streams[GET].push(...least(rank));
      return undefined;
    }
    const aside = op === 0x41 ? 0 : 1;
    const pair = PAIRS.findIndex(([it, operand]) => it === op && wasm[at + 1 + aside] === operand);
    if (pair < 0) return take(OP);
    [at, size] = [at + 2 + aside, size + 2 + aside];
    streams[OP].push(SHORT + READS + pair);
    return undefined;
  };
  while (at < wasm.length) {
    const id = wasm[at];
    const [length, from] = narrow(wasm, at + 1);
    if (id === CODE) {
      [count, at] = narrow(wasm, from);
      for (let left = count; left > 0; left -= 1) {
        [, at] = narrow(wasm, at);
        body(take, hint, next);
      }
      code = streams[REST].length;
    } else while (at < from + length) take(REST);
  }
  const functions = size - streams[REST].length + 5 * (count + 1);
  const lengths = [code, count, functions, ...streams.map((it) => it.length)].flatMap(wide);
  streams[OP] = streams[OP].map((op) => (op - LOWERED) & 255);
  return Uint8Array.from([MAGIC, lengths, ...streams].flat());
}

/** Code that was not packed comes back as it is. */
export function unpack(packed) {
  if (!isPacked(packed)) return packed;
  packed = packed.slice();
  let at = MAGIC.length;
  const number = () => {
    let value;
    [value, at] = narrow(packed, at);
    return value;
  };
  const [code, count, functions] = [number(), number(), number()];
  const lengths = Array.from({ length: STREAMS }, number);
  const from = lengths.map((length) => (at += length) - length);
  for (let left = lengths[OP]; left > 0; left -= 1) packed[from[OP] + left - 1] += LOWERED;
  const wasm = new Uint8Array(8 + lengths[REST] + 6 + functions);
  let to = 0;
  const put = (...bytes) => { wasm.set(bytes, to); to += bytes.length; };
  const rest = (length) => {
    wasm.set(packed.subarray(from[REST], from[REST] + length), to);
    [to, from[REST]] = [to + length, from[REST] + length];
  };
  const take = (stream) => (wasm[to++] = packed[from[stream]++]);
  const hint = (size) => { wasm[to++] = size; };
  const next = (locals) => {
    const op = packed[from[OP]++];
    if (op >= SHORT + READS && op < SHORT + READS + PAIRS.length) {
      const [it, operand] = PAIRS[op - SHORT - READS];
      wasm[to++] = it;
      if (it !== 0x41) hint(SIZES.charCodeAt(it - FIRST_LOAD) & 15);
      wasm[to++] = operand;
      return undefined;
    }
    if (op !== 0x20 && !(op >= SHORT && op < SHORT + READS)) {
      wasm[to++] = op;
      return op;
    }
    let rank = op - SHORT;
    if (op === 0x20) {
      rank = packed[from[GET]++];
      if (rank & 128) [rank, from[GET]] = narrow(packed, from[GET] - 1);
    }
    wasm[to++] = 0x20;
    const local = locals.local(rank);
    if (local < 128) wasm[to++] = local;
    else put(...least(local));
    return undefined;
  };
  put(0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  rest(code);
  put(CODE, ...wide(functions), ...wide(count));
  for (let left = count; left > 0; left -= 1) {
    const start = to += 5;
    body(take, hint, next);
    wasm.set(wide(to - start), start - 5);
  }
  rest(lengths[REST] - code);
  return wasm;
}
