// The JSON vectors in WASM: the same bytes must give the same verdicts as natively.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const vectors = join(here, '..', 'vectors');
const wasm = process.env.WASM_NODE ?? join(here, '..', '..', 'target', 'wasm-node');
const { audit, contractId, count, rebuildShare } = createRequire(import.meta.url)(join(wasm, 'verifier.js'));

const load = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** A host whose evidence is in memory and which counts right here, `lanes` tasks at once. */
function hostOf(files, steps = [], lanes = 1) {
	const bytes = async (path) => {
		const hex = files[path];
		if (hex === undefined) throw Object.assign(new Error(`${path}: not found`), { name: 'NotFound' });
		return new Uint8Array(Buffer.from(hex, 'hex'));
	};
	const host = {
		fetch: async (path, limit) => {
			assert.ok(Number.isSafeInteger(limit) && limit >= 0);
			return bytes(path);
		},
		fetchRange: async (path, start, length) => {
			assert.ok(Number.isSafeInteger(start) && length <= 2 ** 20 + 1);
			return (await bytes(path)).subarray(start, start + length);
		},
		count: (task) => count(host, task),
		lanes,
		progress: (step) => steps.push(JSON.parse(step))
	};
	return host;
}

for (const file of readdirSync(join(vectors, 'audit'))) {
	const vector = load(join(vectors, 'audit', file));
	test(`${file}: ${vector.name}`, async () => {
		const { policy, receipt, claims, wasm_sha256, remembered } = vector;
		const options = { policy, receipt, contract: null, claims, wasm_sha256, remembered };
		const steps = [];
		const json = await audit(hostOf(vector.files, steps), JSON.stringify(options));
		const report = JSON.parse(json);
		const failed = report.checks.filter((check) => check.outcome === 'failed').map((check) => check.id);
		assert.deepEqual(failed, vector.fails ? [vector.fails] : []);
		assert.equal(report.held, vector.fails === null);
		assert.ok(steps.length > 0 && steps.at(-1).bytes > 0);
		if (vector.work) {
			assert.equal(report.totals.work, vector.work);
			assert.equal(report.contract.credited_sats, vector.credited_sats);
			assert.equal(report.contract.id, contractId(JSON.stringify(receipt)));
		}
	});
}

const honest = load(join(vectors, 'audit', 'honest.json'));

/** The honest log in another depth, or with more lanes. */
async function ask(more, lanes) {
	const { policy, receipt, claims, wasm_sha256, files } = honest;
	const options = { policy, receipt, claims, wasm_sha256, ...more };
	return JSON.parse(await audit(hostOf(files, [], lanes), JSON.stringify(options)));
}

test('several tasks at once give the same report', async () => {
	assert.deepEqual(await ask({}, 4), await ask({}, 1));
});

test('the depths estimate and sampled say what they are worth', async () => {
	const estimate = await ask({ depth: 'estimate' });
	assert.deepEqual([estimate.depth, estimate.held, estimate.sampling], ['estimate', true, null]);
	assert.equal(estimate.estimate.claimed, honest.work);
	const sampled = await ask({ depth: 'sampled', samples: 7, seed: '5a'.repeat(32) });
	assert.deepEqual([sampled.depth, sampled.held, sampled.estimate], ['sampled', true, null]);
	const { samples, seed, samples_for_999 } = sampled.sampling;
	assert.deepEqual([samples, seed, samples_for_999], [7, '5a'.repeat(32), 688]);
	assert.equal((await ask({ depth: 'sampled', seed: '5a'.repeat(32) })).sampling.samples, 300);
	await assert.rejects(ask({ depth: 'sampled' }), /seed/);
});

test('a worker that dies fails share.work, and a task that is none is refused', async () => {
	const host = hostOf(honest.files);
	host.count = async () => {
		throw new Error('the worker died');
	};
	const report = JSON.parse(await audit(host, JSON.stringify({ policy: honest.policy })));
	const failed = report.checks.filter((check) => check.outcome === 'failed');
	assert.ok(failed.some((check) => check.id === 'share.work' && check.place.found === 'the worker died'));
	await assert.rejects(count(hostOf({}), '{}'), /task: /);
});

for (const { name, hash, share } of load(join(vectors, 'blocks.json'))) {
	test(`${name} is a share of its network target`, () => {
		const rebuilt = JSON.parse(rebuildShare(JSON.stringify(share)));
		assert.equal(rebuilt.hash, hash);
		assert.equal(rebuilt.meets_network_target, true);
	});
}

test('options that cannot be understood are refused with a sentence', async () => {
	await assert.rejects(audit(hostOf({}), '{"policy":1}'), /options: /);
});
