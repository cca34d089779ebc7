import { Problem } from './problem';

/**
 * One public file of this origin (evidence, the policy, the verifier's wasm) as its exact bytes.
 *
 * @param path with or without the leading slash, e.g. "epoch/7/shares"
 * @param onBytes called with the size of every piece as it arrives
 * @throws Problem whose message names status and path
 */
export async function fetchFile(path: string, onBytes: (count: number) => void = () => {}): Promise<Uint8Array<ArrayBuffer>> {
	const url = `/${path.replace(/^\/+/, '')}`;
	const response = await fetch(url, { credentials: 'omit' }).catch(() => {
		throw new Problem(0, 'unreachable', `${url} can’t be fetched: the server can’t be reached.`);
	});
	// An unknown path is answered with the app's page; evidence never is a page.
	const isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false;
	if (!response.ok || isPage) {
		const status = isPage ? 404 : response.status;
		throw new Problem(status, 'file', `${url}: HTTP ${status}`);
	}
	return readAll(response, onBytes);
}

/** A file that is text in UTF-8; a malformed byte is an error. */
export async function fetchText(path: string): Promise<string> {
	return new TextDecoder('utf-8', { fatal: true }).decode(await fetchFile(path));
}

async function readAll(response: Response, onBytes: (count: number) => void): Promise<Uint8Array<ArrayBuffer>> {
	if (!response.body) return new Uint8Array();
	const pieces: Uint8Array[] = [];
	let size = 0;
	const reader = response.body.getReader();
	for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
		pieces.push(piece.value);
		size += piece.value.length;
		onBytes(piece.value.length);
	}
	const whole = new Uint8Array(size);
	let at = 0;
	for (const piece of pieces) {
		whole.set(piece, at);
		at += piece.length;
	}
	return whole;
}
