/** The shares that every contender of the benchmark hashes: a coinbase of 250 bytes, 12 levels of branch. */
import { randomBytes } from 'node:crypto';

const COINBASE = 250;
/** Where the extranonces of a coinbase with a short tag are: 49 bytes, a height of 4, a tag of 6 and the job's number. */
const BEFORE = 55;
/** From the extranonces to the anchor: sequence, two paying outputs and the anchor's script. */
const BETWEEN = 88;
const LEVELS = 12;
const SHARE = 56;

/** A job at random, and `count` of its shares as 56 bytes each. */
export function randomShares(count) {
	const after = COINBASE - BEFORE - 12 - BETWEEN - 32;
	const hex = (bytes) => randomBytes(bytes).toString('hex');
	const job = {
		coinbase: [hex(BEFORE), hex(BETWEEN), hex(after)],
		branch: Array.from({ length: LEVELS }, () => hex(32)),
		prevhash: hex(32),
		nbits: '17031abe'
	};
	const shares = randomBytes(count * SHARE);
	const anchor = randomBytes(32);
	for (let at = 0; at < shares.length; at += SHARE) anchor.copy(shares, at + 12);
	return { job, shares };
}

/** The job as `share-hash/examples/hash_rate.rs` reads it. */
export function asLines({ coinbase, branch, prevhash, nbits }, passes) {
	const raw = Buffer.from(prevhash, 'hex').reverse().toString('hex');
	return [...coinbase, branch.join(''), raw, nbits, passes].join('\n') + '\n';
}
