import createClient from 'openapi-fetch';
import type { paths } from './schema';
import { Problem, problemOf } from './problem';

/** The server's JSON API, typed by its OpenAPI document. Sign-in is a same-origin cookie. */
export const api = createClient<paths>({ baseUrl: '' });

/** What openapi-fetch resolves to. */
interface Answer<T> {
	data?: T;
	error?: unknown;
	response: Response;
}

/** The data of an answer. Throws `Problem` for everything else, also for a server that can't be reached. */
export async function ask<T>(asked: Promise<Answer<T>>): Promise<T> {
	const { data, error, response } = await asked.catch(() => {
		throw Problem.unreachable();
	});
	if (!response.ok) throw problemOf(response.status, error);
	return data as T;
}

/** Every item of a list that the server hands out page by page. */
export async function askAll<T>(
	page: (cursor: string | undefined) => Promise<Answer<{ items: T[]; next_cursor?: string | null }>>
): Promise<T[]> {
	const items: T[] = [];
	let cursor: string | undefined;
	do {
		const answer = await ask(page(cursor));
		items.push(...answer.items);
		cursor = answer.next_cursor ?? undefined;
	} while (cursor !== undefined);
	return items;
}
