import { afterEach, expect, it, vi } from 'vitest';
import { fetchFile, fetchRange, fetchText, isPassing } from './files';

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

const whole = new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7]);

it('a range is asked for with the Range header', async () => {
	const asked: unknown[] = [];
	vi.stubGlobal('fetch', async (_: string, { headers }: { headers: unknown }) => {
		asked.push(headers);
		return new Response(whole.slice(2, 5), { status: 206, headers: { 'content-range': 'bytes 2-4/8' } });
	});
	expect(await fetchRange('epoch/1/shares', 2, 3)).toEqual(new Uint8Array([2, 3, 4]));
	expect(asked).toEqual([{ range: 'bytes=2-4' }]);
});

it('a server without ranges is read up to the last byte that is needed', async () => {
	serve(whole);
	expect(await fetchRange('epoch/1/shares', 2, 3)).toEqual(new Uint8Array([2, 3, 4]));
});

it('a range over the end of the file is what there is', async () => {
	serve(whole);
	expect(await fetchRange('epoch/1/shares', 6, 10)).toEqual(new Uint8Array([6, 7]));
	serve('', { status: 416 });
	expect(await fetchRange('epoch/1/shares', 8, 10)).toEqual(new Uint8Array());
});

it('another range than the one that was asked for is refused', async () => {
	serve(whole.slice(0, 3), { status: 206, headers: { 'content-range': 'bytes 0-2/8' } });
	await expect(fetchRange('epoch/1/shares', 2, 3)).rejects.toThrow('instead of the bytes from 2 on');
});

it('a longer range than the one that was asked for is refused', async () => {
	serve(whole, { status: 206, headers: { 'content-range': 'bytes 0-7/8' } });
	await expect(fetchRange('epoch/1/shares', 0, 3)).rejects.toThrow('longer than the 3 bytes');
});

it('an overloaded or unreachable server is a passing trouble, a missing file is not', async () => {
	const trouble = async (init: ResponseInit) => {
		serve('', init);
		return isPassing(await fetchFile('log/checkpoint').catch((thrown: unknown) => thrown));
	};
	expect(await trouble({ status: 503 })).toBe(true);
	expect(await trouble({ status: 404 })).toBe(false);
	vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
	expect(isPassing(await fetchFile('log/checkpoint').catch((thrown: unknown) => thrown))).toBe(true);
});
