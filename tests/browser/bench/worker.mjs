/** A worker of the benchmark's page: hashes the same shares in one way, as often as it is asked. */
import { hashPlainly } from './plain.mjs';
import { sha256 } from '/noble/sha2.js';
import init, { hashShares } from '/wasm/verifier.js';

let hash = null;

self.onmessage = async ({ data }) => {
	if (data.prepare) {
		const { way, job, shares } = data.prepare;
		const module = { simd: 'verifier_bg.wasm', scalar: 'verifier_scalar_bg.wasm' }[way];
		if (module) await init({ module_or_path: fetch(`/wasm/${module}`) });
		hash = module ? () => hashShares(JSON.stringify(job), shares) : () => hashPlainly(sha256, job, shares);
		self.postMessage({ hashes: hash() });
	} else {
		const started = performance.now();
		for (let pass = 0; pass < data.passes; pass += 1) hash();
		self.postMessage({ ms: (performance.now() - started) / data.passes });
	}
};
