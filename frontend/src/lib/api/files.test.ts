import { afterEach, expect, it, vi } from 'vitest';
import { fetchFile, fetchText } from './files';

afterEach(() => vi.unstubAllGlobals());

function serve(body: BodyInit, init: ResponseInit = {}) {
	vi.stubGlobal('fetch', async () => new Response(body, init));
}

it('a file of exactly the limit is read whole', async () => {
	serve(new Uint8Array([1, 2, 3]));
	expect(await fetchFile('epoch/1/shares', { limit: 3 })).toEqual(new Uint8Array([1, 2, 3]));
});

it('an endless file is refused, and its rest is not asked for', async () => {
	let cancelled = false;
	const endless = new ReadableStream({
		pull: (controller) => controller.enqueue(new Uint8Array(1000)),
		cancel: () => {
			cancelled = true;
		}
	});
	serve(endless);
	await expect(fetchFile('epoch/1/shares', { limit: 2500 })).rejects.toThrow('longer than the 2500 bytes');
	expect(cancelled).toBe(true);
});

it('a missing file is a 404', async () => {
	serve('no such file', { status: 404 });
	await expect(fetchFile('epoch/9/shares')).rejects.toMatchObject({ status: 404 });
});

it('a page in place of a file is a missing file', async () => {
	serve('<!doctype html>', { headers: { 'content-type': 'text/html; charset=utf-8' } });
	await expect(fetchFile('epoch/9/shares')).rejects.toMatchObject({ status: 404 });
});

it('a malformed text is refused', async () => {
	serve(new Uint8Array([0xff]));
	await expect(fetchText('log/policy')).rejects.toThrow();
});
