/** Who takes part: each has a name, `pass()` that resolves to { cpuMs, wallMs } a pass over the shares, and its hashes. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { sha256 } from '@noble/hashes/sha2.js';
import { hashPlainly } from './plain.mjs';

const digest = (hashes) => createHash('sha256').update(hashes).digest('hex');

/** A native program that answers each line with the CPU time of one pass. */
export function native(name, program, way, files) {
	const child = spawn(program, [way, files.job, files.shares], { stdio: ['pipe', 'pipe', 'inherit'] });
	const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
	const contender = {
		name,
		pass: async () => {
			child.stdin.write('\n');
			const { value, done } = await answers.next();
			if (done) throw new Error(`${program} ended`);
			const { cpu_ms, digest } = JSON.parse(value);
			contender.digest = digest;
			return { cpuMs: cpu_ms };
		},
		end: () => child.stdin.end()
	};
	return contender;
}

/** The module in this process. CPU time is the whole process's: nothing else goes on in it. */
export function inNode(name, folder, { job, shares }, passes) {
	const { hashShares } = createRequire(import.meta.url)(`${folder}/verifier.js`);
	const json = JSON.stringify(job);
	return here(name, () => hashShares(json, shares), passes);
}

/** Plain JavaScript in this process. */
export function plainInNode(name, { job, shares }, passes) {
	return here(name, () => hashPlainly(sha256, job, shares), passes);
}

function here(name, hash, passes) {
	return {
		name,
		digest: digest(hash()),
		pass: async () => {
			const before = process.cpuUsage();
			for (let pass = 0; pass < passes; pass += 1) hash();
			const { user, system } = process.cpuUsage(before);
			return { cpuMs: (user + system) / 1000 / passes };
		},
		end: () => {}
	};
}

/**
 * Workers of a page in Chromium, each with all the shares. CPU time is that of their threads; the wall time is
 * that of a pass at the sum of their speeds.
 */
export async function inChromium(name, page, way, { job, shares }, passes, workers) {
	const hashes = await page.evaluate(
		async ({ name, way, job, shares, workers }) => {
			const bytes = Uint8Array.from(atob(shares), (char) => char.charCodeAt(0));
			const ask = (worker, message) =>
				new Promise((resolve, reject) => {
					worker.onmessage = ({ data }) => resolve(data);
					worker.onerror = (event) => reject(new Error(event.message));
					worker.postMessage(message);
				});
			const all = Array.from({ length: workers }, () => new Worker('/bench/worker.mjs', { type: 'module' }));
			const first = await Promise.all(all.map((worker) => ask(worker, { prepare: { way, job, shares: bytes } })));
			globalThis.bench = { ...globalThis.bench, [name]: (passes) => Promise.all(all.map((worker) => ask(worker, { passes }))) };
			return first.map(({ hashes }) => Array.from(hashes));
		},
		{ name, way, job, shares: shares.toString('base64'), workers }
	);
	const digests = new Set(hashes.map((hashes) => digest(Uint8Array.from(hashes))));
	return {
		name,
		digest: [...digests].join(' '),
		pass: async () => {
			const before = workersCpuMs();
			const took = await page.evaluate(([name, passes]) => globalThis.bench[name](passes), [name, passes]);
			const cpuMs = (workersCpuMs() - before) / passes / workers;
			return { cpuMs, wallMs: 1 / took.reduce((rate, { ms }) => rate + 1 / ms, 0) };
		},
		end: () => {}
	};
}

/** CPU time of the workers' threads in all renderers below this process, as the kernel's scheduler counted it. */
function workersCpuMs() {
	const below = new Set([process.pid]);
	let cpuNs = 0;
	for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number).sort((a, b) => a - b)) {
		const parent = Number(/^PPid:\s*(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]);
		if (!below.has(parent)) continue;
		below.add(pid);
		if (!read(`/proc/${pid}/cmdline`).includes('--type=renderer')) continue;
		for (const thread of list(`/proc/${pid}/task`).map((id) => `/proc/${pid}/task/${id}`)) {
			if (read(`${thread}/comm`).startsWith('DedicatedWorker')) cpuNs += Number(read(`${thread}/schedstat`).split(' ')[0]);
		}
	}
	return cpuNs / 1e6;
}

/** A process may end between being listed and being read. */
function read(path) {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return '';
	}
}

function list(path) {
	try {
		return readdirSync(path);
	} catch {
		return [];
	}
}
