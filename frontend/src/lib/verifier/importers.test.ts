import { expect, it } from 'vitest';

const sources = import.meta.glob<string>('/src/**/*.{ts,svelte}', { query: '?raw', import: 'default', eager: true });

it('the verifier’s WASM runs in workers only, off the page’s thread', () => {
	const importers = Object.entries(sources).filter(([, source]) => /from '\$lib\/wasm\//.test(source));
	expect(importers.map(([path]) => path)).toEqual([
		'/src/lib/verifier/coordinator/worker.ts',
		'/src/lib/verifier/counting/worker.ts'
	]);
});
