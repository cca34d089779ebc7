/** The verifier in a page's worker: audits a log with the help of others like it, or counts for one that audits. */
import init, { audit, count } from '/wasm/verifier.js';

const NOTHING = { receipt: null, contract: null, claims: null, wasm_sha256: null, remembered: null };

const ready = init({ module_or_path: fetch('/wasm/verifier_bg.wasm') });

self.onmessage = async ({ data }) => {
	if (data.serve) return data.serve.forEach(serve);
	const started = performance.now();
	await ready;
	const own = host(data.ports);
	const policy = new TextDecoder().decode(await own.fetch('log/policy'));
	const report = await audit(own, JSON.stringify({ ...NOTHING, policy }));
	self.postMessage({ report, seconds: (performance.now() - started) / 1000, bytes: own.bytes });
};

/** Counts what comes through a port. */
function serve(port) {
	port.onmessage = async ({ data: task }) => {
		await ready;
		const own = host([]);
		const counted = await count(own, task);
		port.postMessage({ counted, bytes: own.bytes });
	};
}

/** What the verifier asks of a page; `ports` lead to workers that count, one task at a time through each. */
function host(ports) {
	const idle = [...ports];
	const waiting = [];
	const fetched = async (path, headers = {}) => {
		const response = await fetch(`/day/${path}`, { headers });
		if (!response.ok) throw Object.assign(new Error(`${path}: HTTP ${response.status}`), { name: 'NotFound' });
		const body = new Uint8Array(await response.arrayBuffer());
		own.bytes += body.length;
		return body;
	};
	const own = {
		bytes: 0,
		fetch: (path) => fetched(path),
		fetchRange: (path, start, length) => fetched(path, { range: `bytes=${start}-${start + length - 1}` }),
		lanes: ports.length,
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
			own.bytes += answer.bytes;
			return answer.counted;
		}
	};
	return own;
}
