import { afterEach, expect, it, vi } from 'vitest';
import { ownEvidence } from './evidence';

afterEach(() => vi.unstubAllGlobals());

function listener() {
	return { bytes: 0, files: 0, interruptions: [] as string[], ...handlers() };
}

function handlers() {
	return {
		fetched(this: { bytes: number; files: number }, bytes: number, files: number) {
			this.bytes += bytes;
			this.files += files;
		},
		interrupted(this: { interruptions: string[] }, message: string) {
			this.interruptions.push(message);
		}
	};
}

function answers(...statuses: number[]) {
	vi.stubGlobal('fetch', async () => new Response('abc', { status: statuses.shift() ?? 200 }));
}

it('a passing trouble is waited out and counted once', async () => {
	answers(503, 429, 200);
	const heard = listener();
	const file = await ownEvidence(heard, [0, 0, 0]).fetch('log/checkpoint', 10);
	expect(file).toHaveLength(3);
	expect(heard).toMatchObject({ bytes: 3, files: 1, interruptions: [] });
});

it('a server that stays away interrupts the verification instead of failing it', async () => {
	answers(503, 503, 503);
	const heard = listener();
	await expect(ownEvidence(heard, [0, 0]).fetch('log/checkpoint', 10)).rejects.toThrow('HTTP 503');
	expect(heard.interruptions).toHaveLength(1);
});

it('a missing file is named so at once', async () => {
	answers(404);
	const heard = listener();
	await expect(ownEvidence(heard, [60_000]).fetchRange('epoch/1/shares', 0, 3)).rejects.toMatchObject({ name: 'NotFound' });
	expect(heard.interruptions).toEqual([]);
});
