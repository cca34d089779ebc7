/**
 * The one place where the verifier's WASM is loaded and run: off the page's thread, on the very bytes whose SHA-256 it
 * reports. It fetches public files of its own origin only and sends nothing.
 */
import { fetchFile } from '$lib/api/files';
import { Problem } from '$lib/api/problem';
import init, { audit, count, type Host } from '$lib/wasm/verifier.js';
import wasmUrl from '$lib/wasm/verifier_bg.wasm?url';
import type { Message, Request } from './messages';
import type { Progress } from './report';

/** At most ten progress messages a second: a screen reader and a slow phone can follow that. */
const PROGRESS_EVERY_MS = 100;

let progress: Progress | null = null;
let bytes = 0;
let files = 0;
let told = 0;

self.onmessage = (event: MessageEvent<Request>) => {
	run(event.data).then(
		(json) => tell({ type: 'report', json }),
		(thrown: unknown) => tell({ type: 'broken', message: thrown instanceof Error ? thrown.message : String(thrown) })
	);
};

async function run(request: Request): Promise<string> {
	const wasm = await fetchFile(new URL(wasmUrl, import.meta.url).pathname);
	const wasmSha256 = hex(await crypto.subtle.digest('SHA-256', wasm));
	tell({ type: 'loaded', wasmSha256 });
	await init({ module_or_path: wasm });
	const options = JSON.stringify({ ...request, wasm_sha256: wasmSha256 });
	const report = await audit(host, options);
	told = 0;
	tellProgress();
	return report;
}

/** What the verifier asks of this page. It counts here, one task at a time. */
const host: Host = {
	fetch: fetchEvidence,
	fetchRange: async (path, start, length) =>
		(await fetchEvidence(path, Number.MAX_SAFE_INTEGER)).subarray(start, start + length),
	count: (task) => count(host, task),
	lanes: 1,
	progress: (json) => {
		progress = JSON.parse(json) as Progress;
		tellProgress();
	}
};

/** One file of evidence for the verifier, which tells a missing file by the name of the error. */
async function fetchEvidence(path: string, limit: number): Promise<Uint8Array> {
	try {
		const file = await fetchFile(path, { limit, onBytes: fetched });
		files += 1;
		return file;
	} catch (thrown) {
		if (thrown instanceof Problem && thrown.status === 404) thrown.name = 'NotFound';
		throw thrown;
	}
}

function fetched(more: number) {
	bytes += more;
	tellProgress();
}

function tellProgress() {
	const now = performance.now();
	if (told !== 0 && now - told < PROGRESS_EVERY_MS) return;
	told = now;
	tell({ type: 'progress', progress, bytes, files });
}

function tell(message: Message) {
	self.postMessage(message);
}

function hex(digest: ArrayBuffer): string {
	return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
