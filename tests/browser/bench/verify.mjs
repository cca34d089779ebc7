/**
 * The hashing of a verifier in every engine, interleaved in one run: natively, in WebAssembly in Node and in Chromium, and in
 * plain JavaScript, all on the same shares. Prints speeds and ratios, and writes them to --json FILE.
 *
 * Each contender's best turn counts, the one least disturbed: whoever shares the processor's core takes nothing from a SHA
 * unit and a quarter from vectors, so that a median tells more of the neighbours than of the contenders. Medians are shown too.
 *
 * Environment: NATIVE and PORTABLE (two builds of share-hash/examples/hash_rate), CHROMIUM, WASM_WEB, WASM_NODE,
 * WASM_NODE_SCALAR (folders).
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { launchChromium } from '../support/chromium.mjs';
import { inChromium, inNode, native, plainInNode } from './contenders.mjs';
import { serveFolders } from './files.mjs';
import { asLines, randomShares } from './shares.mjs';

/** Half a chunk: plain JavaScript needs a quarter of a second for it. */
const SHARES = 2048;
/** Passes of one turn: some 40 ms for the fast, long enough to time and short enough to be left in peace now and then. */
const PASSES = { native: 8, portable: 1, simd: 4, scalar: 1, plain: 1 };

const { values: options } = parseArgs({ options: { json: { type: 'string' }, turns: { type: 'string', default: '60' } } });
const here = dirname(fileURLToPath(import.meta.url));
const { NATIVE, PORTABLE, WASM_WEB, WASM_NODE, WASM_NODE_SCALAR } = process.env;

const work = randomShares(SHARES);
const folder = mkdtempSync(join(tmpdir(), 'bench-verify-'));
const server = await serveFolders({ '/wasm/': WASM_WEB, '/bench/': here, '/noble/': join(here, '../node_modules/@noble/hashes') });
const browser = await launchChromium(process.env.CHROMIUM);
try {
	const { contenders, many } = await prepare();
	const times = await measure(contenders, Number(options.turns));
	contenders.forEach((contender) => contender.end());
	tell(times, many);
} finally {
	await browser.close();
	server.close();
	rmSync(folder, { recursive: true });
}

async function prepare() {
	const files = (passes) => {
		const job = join(folder, `job-${passes}`);
		writeFileSync(job, asLines(work.job, passes));
		return { job, shares: join(folder, 'shares') };
	};
	writeFileSync(join(folder, 'shares'), work.shares);
	const page = await browser.newPage();
	await page.goto(server.url);
	const many = Math.max(2, Math.min(8, availableParallelism()));
	const contenders = [
		native('native', NATIVE, 'sha2', files(PASSES.native)),
		native('native_own', NATIVE, 'own', files(PASSES.native)),
		native('native_portable', PORTABLE, 'sha2', files(PASSES.portable)),
		inNode('node_simd', WASM_NODE, work, PASSES.simd),
		inNode('node_scalar', WASM_NODE_SCALAR, work, PASSES.scalar),
		plainInNode('node_plain', work, PASSES.plain),
		await inChromium('chromium_simd', page, 'simd', work, PASSES.simd, 1),
		await inChromium('chromium_simd_2', page, 'simd', work, PASSES.simd, 2),
		...(many > 2 ? [await inChromium(`chromium_simd_${many}`, page, 'simd', work, PASSES.simd, many)] : []),
		await inChromium('chromium_scalar', page, 'scalar', work, PASSES.scalar, 1),
		await inChromium('chromium_plain', page, 'plain', work, PASSES.plain, 1)
	];
	return { contenders, many };
}

/** Each contender in turn, again and again; the first turn warms up. */
async function measure(contenders, turns) {
	const times = Object.fromEntries(contenders.map(({ name }) => [name, []]));
	for (let turn = 0; turn <= turns; turn += 1) {
		for (const contender of contenders) {
			const time = await contender.pass();
			if (turn > 0) times[contender.name].push(time);
		}
		const digests = new Set(contenders.map(({ digest }) => digest));
		assert.equal(digests.size, 1, 'all contenders give the same hashes');
	}
	return times;
}

function tell(times, many) {
	const rate = (ms) => (SHARES / ms) * 1000;
	const best = (name, of = 'cpuMs') => Math.min(...times[name].map((time) => time[of]));
	/** The median of the turns' ratios: a busy moment slows both sides of one turn. */
	const usual = (name, base) => median(times[name].map(({ cpuMs }, turn) => times[base][turn].cpuMs / cpuMs));
	const rows = [
		{ name: 'native, sha2, SHA extensions', id: 'native', plain: 'node_plain' },
		{ name: 'native, share-hash, SHA extensions', id: 'native_own', plain: 'node_plain' },
		{ name: 'native, sha2, portable', id: 'native_portable', plain: 'node_plain' },
		{ name: 'Node, WASM with vectors', id: 'node_simd', plain: 'node_plain' },
		{ name: 'Node, WASM scalar', id: 'node_scalar', plain: 'node_plain' },
		{ name: 'Node, @noble/hashes', id: 'node_plain', plain: 'node_plain' },
		{ name: 'Chromium, WASM with vectors', id: 'chromium_simd', plain: 'chromium_plain' },
		{ name: 'Chromium, WASM scalar', id: 'chromium_scalar', plain: 'chromium_plain' },
		{ name: 'Chromium, @noble/hashes', id: 'chromium_plain', plain: 'chromium_plain' }
	].map(({ name, id, plain }) => ({
		name,
		id,
		shares_per_cpu_second: Math.round(rate(best(id))),
		of_native: round(best('native') / best(id)),
		of_native_median: round(usual(id, 'native')),
		of_plain: round(best(plain) / best(id))
	}));
	const workers = [...new Set([1, 2, many])].map((count) => {
		const id = count === 1 ? 'chromium_simd' : `chromium_simd_${count}`;
		const wall = best(id, 'wallMs');
		return { workers: count, shares_per_second: Math.round(rate(wall)), of_one: round(best('chromium_simd', 'wallMs') / wall) };
	});
	console.log(`\n  ${SHARES} shares: coinbase of 250 bytes, 12 levels; CPU time of one thread, best of ${options.turns} turns`);
	console.log(`  ${''.padEnd(36)}${'shares/s'.padStart(10)}${'/ native'.padStart(10)}${'(median)'.padStart(10)}${'/ plain JS'.padStart(12)}`);
	for (const row of rows) {
		const ratios = [row.of_native.toFixed(3), row.of_native_median.toFixed(3)].map((ratio) => ratio.padStart(10));
		console.log(`  ${row.name.padEnd(36)}${String(row.shares_per_cpu_second).padStart(10)}${ratios.join('')}${row.of_plain.toFixed(1).padStart(12)}`);
	}
	for (const row of workers) console.log(`  Chromium, ${row.workers} workers, wall time: ${row.shares_per_second} shares/s, ${row.of_one.toFixed(2)} × one`);
	if (options.json) writeFileSync(options.json, JSON.stringify({ rows, workers }, null, 2) + '\n');
}

function median(values) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted[sorted.length >> 1];
}

function round(value) {
	return Math.round(value * 1000) / 1000;
}
