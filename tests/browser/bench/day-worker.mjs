/** The verifier in a page's worker: audits a log with the help of others like it, or counts for one that audits. */
import init, { audit, count } from '/wasm/verifier.js';

const NOTHING = { receipt: null, contract: null, claims: null, wasm_sha256: null, remembered: null };

const ready = init({ module_or_path: fetch('/wasm/verifier_bg.wasm') });
let bytes = 0;

self.onmessage = async ({ data }) => {
	if (data.serve) return serve(data.serve);
	const started = performance.now();
	await ready;
	const policy = new TextDecoder().decode(await fetched('log/policy'));
	const report = await audit(host(data.helpers), JSON.stringify({ ...NOTHING, policy }));
	self.postMessage({ report, seconds: (performance.now() - started) / 1000, bytes });
};

/** Counts whatever comes through the port, one task after the other. */
function serve(port) {
	let before = ready;
	port.onmessage = ({ data: task }) => {
		before = before.then(async () => {
			bytes = 0;
			const counted = await count(host([]), task);
			port.postMessage({ counted, bytes });
		});
	};
}

/** What the verifier asks of a page; `helpers` are ports of workers that count. */
function host(helpers) {
	const idle = [...helpers];
	const waiting = [];
	return {
		fetch: (path) => fetched(path),
		fetchRange: (path, start, length) => fetched(path, { range: `bytes=${start}-${start + length - 1}` }),
		lanes: helpers.length,
		progress: () => {},
		count: async (task) => {
			const port = idle.pop() ?? (await new Promise((resolve) => waiting.push(resolve)));
			const answer = await new Promise((resolve) => {
				port.onmessage = ({ data }) => resolve(data);
				port.postMessage(task);
			});
			const next = waiting.shift();
			if (next) next(port);
			else idle.push(port);
			bytes += answer.bytes;
			return answer.counted;
		}
	};
}

async function fetched(path, headers = {}) {
	const response = await fetch(`/day/${path}`, { headers });
	if (!response.ok) throw Object.assign(new Error(`${path}: HTTP ${response.status}`), { name: 'NotFound' });
	const body = new Uint8Array(await response.arrayBuffer());
	bytes += body.length;
	return body;
}
