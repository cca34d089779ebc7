// The verifier's hashing in WASM against Node's own SHA-256, on random shares and around every border of a block.
import assert from 'node:assert/strict';
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const wasm = process.env.WASM_NODE ?? join(here, '..', '..', 'target', 'wasm-node');
const { hashShares } = createRequire(import.meta.url)(join(wasm, 'verifier.js'));

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
const sha256d = (...parts) => sha256(sha256(...parts));

function little(number) {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32LE(number);
	return bytes;
}

function big(number) {
	const bytes = Buffer.alloc(4);
	bytes.writeUInt32BE(number);
	return bytes;
}

function randomJob(lengths, depth) {
	return {
		coinbase: lengths.map((length) => randomBytes(length)),
		branch: Array.from({ length: depth }, () => randomBytes(32)),
		prevhash: randomBytes(32),
		nbits: randomInt(2 ** 32)
	};
}

/** Shares with one anchor, or with one of several at random. */
function randomShares(count, anchors = 1) {
	const known = Array.from({ length: anchors }, () => randomBytes(32));
	const word = () => randomInt(2 ** 32);
	return Array.from({ length: count }, () => ({
		extranonces: randomBytes(12),
		anchor: known[randomInt(anchors)],
		words: [word(), word(), word()]
	}));
}

function expected(job, { extranonces, anchor, words: [version, ntime, nonce] }) {
	const [before, middle, after] = job.coinbase;
	const txid = sha256d(before, extranonces, middle, anchor, after);
	const root = job.branch.reduce((node, sibling) => sha256d(node, sibling), txid);
	return sha256d(little(version), job.prevhash, root, little(ntime), little(job.nbits), little(nonce)).toString('hex');
}

function check(job, shares) {
	const json = JSON.stringify({
		coinbase: job.coinbase.map((part) => part.toString('hex')),
		branch: job.branch.map((sibling) => sibling.toString('hex')),
		prevhash: Buffer.from(job.prevhash).reverse().toString('hex'),
		nbits: job.nbits.toString(16).padStart(8, '0')
	});
	const bytes = shares.map(({ extranonces, anchor, words }) => Buffer.concat([extranonces, anchor, ...words.map(big)]));
	const hashes = Buffer.from(hashShares(json, Buffer.concat(bytes)));
	const found = shares.map((_, index) => hashes.subarray(32 * index, 32 * index + 32).toString('hex'));
	assert.deepEqual(found, shares.map((share) => expected(job, share)));
}

test('coinbases around the ends of blocks are hashed right', () => {
	for (const before of [0, 1, 48, 51, 52, 53, 63, 64, 65, 120, 128])
		for (const middle of [0, 1, 20, 52, 64, 111])
			for (const after of [0, 4, 8, 9, 20, 40, 47, 48, 64, 130])
				check(randomJob([before, middle, after], 1), randomShares(5, 2));
});

test('branches of every depth are hashed right', () => {
	for (let depth = 0; depth <= 16; depth += 1) check(randomJob([55, 111, 40], depth), randomShares(4));
});

test('every number of shares is hashed right', () => {
	for (let count = 0; count <= 17; count += 1)
		for (const anchors of [1, 2, 5]) check(randomJob([55, 111, 40], 2), randomShares(count, anchors));
});

test('random shares are hashed right', () => {
	for (let run = 0; run < 500; run += 1) {
		const lengths = [randomInt(200), randomInt(200), randomInt(200)];
		check(randomJob(lengths, randomInt(17)), randomShares(randomInt(1, 10), randomInt(1, 4)));
	}
});

test('a job or shares that cannot be understood are refused with a sentence', () => {
	assert.throws(() => hashShares('{}', new Uint8Array()), /job: /);
	const job = { coinbase: ['', '', ''], branch: [], prevhash: '00'.repeat(32), nbits: '1d00ffff' };
	assert.throws(() => hashShares(JSON.stringify(job), new Uint8Array(55)), /shares: not 56 bytes each/);
});
