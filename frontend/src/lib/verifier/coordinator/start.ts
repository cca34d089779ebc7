/** A coordinator of its own for each order. */
export function coordinator(): Worker {
	return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
}
