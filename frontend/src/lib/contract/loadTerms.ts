import { api, ask } from '$lib/api/client';
import type { Terms } from '$lib/api/types';

const asked = new Map<number, Promise<Terms>>();

/** The terms at a leaf of the log. They never change, so each is asked for once; a failure is asked again. */
export function loadTerms(index: number): Promise<Terms> {
	const known = asked.get(index);
	if (known) return known;
	const terms = ask(api.GET('/api/v1/terms/{index}', { params: { path: { index } } }));
	asked.set(index, terms);
	terms.catch(() => asked.delete(index));
	return terms;
}
