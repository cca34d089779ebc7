/**
 * Runs the audit off the page's thread and has the shares counted by workers of its own. It fetches public files of its
 * own origin only and sends nothing.
 */
import { toProblem } from '$lib/api/problem';
import integrity from '$lib/wasm/integrity.json';
import { audit, initSync, policyProblem } from '$lib/wasm/verifier.js';
import simdUrl from '$lib/wasm/verifier_bg.wasm?url';
import scalarUrl from '$lib/wasm/verifier_scalar_bg.wasm?url';
import { openCounted, type CountedStore } from '../counted';
import { ownEvidence, type Evidence } from '../evidence';
import type { AuditOrder, Order } from '../messages';
import { loadModule, type LoadedModule } from '../module';
import { CountingPool } from '../pool';
import { Recount } from '../recount';
import type { Progress } from '../report';
import { News } from './news';

/** The signed head of the log, kept as it was fetched: with another one it proves a rewritten log to anyone. */
const CHECKPOINT = 'log/checkpoint';

const SIMD = { ...integrity.simd, path: pathOf(simdUrl) };
const SCALAR = { ...integrity.scalar, path: pathOf(scalarUrl) };

const news = new News((message) => self.postMessage(message));

self.onmessage = ({ data }: MessageEvent<Order>) => {
	run(data).catch((thrown: unknown) => news.broken(toProblem(thrown).message));
};

async function run(order: Order): Promise<void> {
	const loaded = await loadModule(order.simd ? SIMD : SCALAR);
	initSync({ module: loaded.module });
	if (order.type === 'policy') news.policy(policyProblem(order.text) ?? null);
	else await runAudit(order, loaded);
}

async function runAudit({ request, logKeys, workers }: AuditOrder, { module, sha256 }: LoadedModule): Promise<void> {
	news.loaded(sha256);
	const pool = new CountingPool(Array.from({ length: workers }, countingWorker), module, news);
	const recount = new Recount((task) => pool.count(task), await counted(`${sha256} ${logKeys.join(' ')}`));
	const evidence = keeping(ownEvidence(news), CHECKPOINT);
	const host = {
		...evidence,
		lanes: pool.lanes,
		async count(task: string) {
			const result = await recount.count(task);
			news.counted({ workers: pool.used, keptShares: recount.keptShares });
			return result;
		},
		progress: (json: string) => news.progress(JSON.parse(json) as Progress)
	};
	const report = await audit(host, JSON.stringify({ ...request, wasm_sha256: sha256 }));
	news.report(report, evidence.kept());
}

/** The build names files relative to this script. */
function pathOf(url: string): string {
	return new URL(url, import.meta.url).pathname;
}

function countingWorker(): Worker {
	return new Worker(new URL('../counting/worker.ts', import.meta.url), { type: 'module' });
}

/** Without storage (a private window, say) everything is counted anew. */
function counted(about: string): Promise<CountedStore | null> {
	return openCounted(about).catch(() => null);
}

/** Evidence that keeps the text of one file. */
function keeping(evidence: Evidence, keptPath: string) {
	let text = '';
	return {
		...evidence,
		kept: () => text,
		async fetch(path: string, limit: number) {
			const bytes = await evidence.fetch(path, limit);
			if (path === keptPath) text = new TextDecoder().decode(bytes);
			return bytes;
		}
	};
}
