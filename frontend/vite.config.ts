import { sveltekit } from '@sveltejs/kit/vite';
import { defineConfig } from 'vitest/config';

/** Where `npm run dev` finds a running server. */
const server = 'http://127.0.0.1:8080';
const served = ['/api', '/log', '/epoch', '/allocation', '/settlement', '/liabilities', '/payout', '/chain'];

export default defineConfig({
	plugins: [sveltekit()],
	// The verifier's wasm is hashed and checked against the log, so it always stays a file.
	build: { assetsInlineLimit: 0 },
	worker: { format: 'es' },
	server: { proxy: Object.fromEntries(served.map((path) => [path, server])) },
	test: { include: ['src/**/*.test.ts'] }
});
