import { afterEach, expect, it, vi } from 'vitest';
import { sha256Hex } from './hex';
import { loadModule } from './module';

/** The shortest module there is: magic and version. */
const MODULE = '\0asm\x01\0\0\0';
const bytes = new TextEncoder().encode(MODULE);

afterEach(() => vi.unstubAllGlobals());

async function source() {
	return { path: '/verifier.wasm', sha256: await sha256Hex(MODULE), integrity: 'sha384-x' };
}

it('the module is asked for with its integrity, and hashed', async () => {
	const asked: unknown[] = [];
	vi.stubGlobal('fetch', async (_: string, { integrity }: RequestInit) => {
		asked.push(integrity);
		return new Response(bytes);
	});
	const { module, sha256 } = await loadModule(await source());
	expect(module).toBeInstanceOf(WebAssembly.Module);
	expect(sha256).toBe((await source()).sha256);
	expect(asked).toEqual(['sha384-x']);
});

it('other bytes are refused with both hashes, though the browser only says that the fetch failed', async () => {
	vi.stubGlobal('fetch', async (_: string, { integrity }: RequestInit) => {
		if (integrity) throw new TypeError('Failed to fetch');
		return new Response(new Uint8Array([...bytes, 0]));
	});
	await expect(loadModule(await source())).rejects.toThrow(/another verifier .* must be [0-9a-f]{64} and is [0-9a-f]{64}/);
});

it('other bytes are refused also where the browser knows no integrity', async () => {
	vi.stubGlobal('fetch', async () => new Response(new Uint8Array([...bytes, 0])));
	await expect(loadModule(await source())).rejects.toThrow('another verifier');
});

it('a lost connection is not called a tampered verifier', async () => {
	vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
	await expect(loadModule(await source())).rejects.toThrow('can’t be reached');
});
