// Random messages to and from Tencent's own package @wecom/crypto.

const { randomBytes, randomInt } = require('node:crypto');
const { spawnSync } = require('node:child_process');
const { decrypt, encrypt, getSignature } = require('@wecom/crypto');

const ROUNDS = 300;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const TEXTS = ['a', '<', '&', '\n', '\u0000', 'é', '你', '好', '𝄞', '😀', ']]>'];

const random = (length) => Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join('');

function text(bytes) {
  let made = '';
  while (Buffer.byteLength(made) < bytes) made += TEXTS[randomInt(TEXTS.length)];
  return made;
}

// The last character of a random key has bits that the 32 bytes do not use; both sides must ignore them.
const cases = Array.from({ length: ROUNDS }, (_, at) => ({
  token: random(randomInt(1, 33)),
  key: random(43),
  receive_id: at % 10 === 0 ? '' : `ww${random(16)}`,
  message: text(at < 70 ? at : randomInt(2001)),
  timestamp: String(1700000000 + at),
  nonce: random(10),
}));

function ask(requests) {
  const input = requests.map((request) => JSON.stringify(request)).join('\n');
  const run = spawnSync(process.env.INTEROP_BINARY, { input, encoding: 'utf8', maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(run.stderr || String(run.error));
  return run.stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
}

let wrong = 0;
function check(holds, what, at) {
  if (holds) return;
  wrong += 1;
  console.error(`${what}, message ${at}`);
}

const theirs = cases.map((one) => {
  const sealed = encrypt(one.key, one.message, one.receive_id, randomBytes(16));
  return { ...one, op: 'open', encrypt: sealed, signature: getSignature(one.token, one.timestamp, one.nonce, sealed) };
});
ask(theirs).forEach((answer, at) => check(answer.message === cases[at].message, 'not opened here', at));

ask(cases.map((one) => ({ ...one, op: 'seal' }))).forEach((answer, at) => {
  const { token, key, receive_id, message, timestamp, nonce } = cases[at];
  check(getSignature(token, timestamp, nonce, answer.encrypt) === answer.signature, 'another signature', at);
  const opened = decrypt(key, answer.encrypt);
  check(opened.message === message && opened.id === receive_id, 'not opened there', at);
});

console.log(`@wecom/crypto: ${ROUNDS} messages each way, ${wrong} mismatches`);
process.exit(wrong === 0 ? 0 : 1);
