/**
 * Plain JavaScript: the shares' header hashes as anyone would write it, 32 bytes each.
 *
 * @param sha256 a library's; a worker has no import map, so who calls this imports it
 * @param job fields of `jobs.json` in hex
 * @param shares 56 bytes each: extranonces 12 ‖ anchor 32 ‖ version, ntime, nonce big-endian
 */
export function hashPlainly(sha256, job, shares) {
	const sha256d = (bytes) => sha256(sha256(bytes));
	const [before, middle, after] = job.coinbase.map(unhex);
	const branch = job.branch.map(unhex);
	const extranoncesAt = before.length;
	const anchorAt = before.length + 12 + middle.length;
	const coinbase = new Uint8Array(anchorAt + 32 + after.length);
	coinbase.set(before);
	coinbase.set(middle, extranoncesAt + 12);
	coinbase.set(after, anchorAt + 32);
	const pair = new Uint8Array(64);
	const header = new Uint8Array(80);
	const fields = new DataView(header.buffer);
	header.set(unhex(job.prevhash).reverse(), 4);
	fields.setUint32(72, parseInt(job.nbits, 16), true);
	const given = new DataView(shares.buffer, shares.byteOffset, shares.byteLength);
	const hashes = new Uint8Array((shares.length / 56) * 32);
	for (let at = 0, out = 0; at < shares.length; at += 56, out += 32) {
		coinbase.set(shares.subarray(at, at + 12), extranoncesAt);
		coinbase.set(shares.subarray(at + 12, at + 44), anchorAt);
		let node = sha256d(coinbase);
		for (const sibling of branch) {
			pair.set(node);
			pair.set(sibling, 32);
			node = sha256d(pair);
		}
		header.set(node, 36);
		fields.setUint32(0, given.getUint32(at + 44), true);
		fields.setUint32(68, given.getUint32(at + 48), true);
		fields.setUint32(76, given.getUint32(at + 52), true);
		hashes.set(sha256d(header), out);
	}
	return hashes;
}

function unhex(text) {
	return Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}
