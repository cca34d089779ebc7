/** A witness in the test's own hands (c2sp.org/tlog-cosignature, c2sp.org/signed-note). */
import { createHash, generateKeyPairSync, sign } from 'node:crypto';

const TYPE = 4;

/** A new key, as its line in a policy, and what it adds to a note at a time in seconds. */
export function newWitness(name) {
	const { publicKey, privateKey } = generateKeyPairSync('ed25519');
	const key = Buffer.concat([Buffer.from([TYPE]), Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url')]);
	const id = createHash('sha256').update(`${name}\n`).update(key).digest().subarray(0, 4);
	return {
		line: `witness ${name} ${name}+${id.toString('hex')}+${key.toString('base64')}`,
		cosign(note, time) {
			const text = note.slice(0, note.indexOf('\n\n') + 1);
			const seconds = Buffer.alloc(8);
			seconds.writeBigUInt64BE(BigInt(time));
			const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${time}\n${text}`), privateKey);
			return `${note}\u2014 ${name} ${Buffer.concat([id, seconds, signature]).toString('base64')}\n`;
		}
	};
}
