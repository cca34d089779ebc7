/** A server of a few folders on a free port of this machine, and a page with nothing on it. */
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';

const TYPES = { js: 'text/javascript', mjs: 'text/javascript', wasm: 'application/wasm', html: 'text/html' };

/** Serves `folders` ({"/wasm/": folder}), parts of files too; isolated, so that the page's clock is exact. Resolves to { url, close }. */
export async function serveFolders(folders) {
	const answer = async (path) => {
		if (path === '/') return { type: 'text/html', body: '<!doctype html>' };
		const prefix = Object.keys(folders).find((prefix) => path.startsWith(prefix));
		if (prefix === undefined) return null;
		const file = join(folders[prefix], normalize(`/${path.slice(prefix.length)}`));
		return { type: TYPES[path.split('.').pop()] ?? 'application/octet-stream', body: await readFile(file) };
	};
	const server = createServer(async (request, response) => {
		const found = await answer(new URL(request.url, 'http://page').pathname).catch(() => null);
		if (!found) return response.writeHead(404).end();
		const isolated = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
		const headers = { 'content-type': found.type, 'cache-control': 'no-store', ...isolated };
		const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
		if (first === undefined) return response.writeHead(200, headers).end(found.body);
		response.writeHead(206, headers).end(found.body.subarray(Number(first), Number(last) + 1));
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}
