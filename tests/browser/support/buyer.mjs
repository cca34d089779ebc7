/** What a buyer does on the pages, and asks the API with the page's own session. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';

/** Registers on the page of the first offer; resolves to the password. */
export async function register(page) {
	const password = `a long password ${randomUUID()}`;
	await toFirstOffer(page);
	await page.getByLabel('E-mail').fill(`buyer-${randomUUID()}@example.test`);
	await page.getByLabel('Password').fill(password);
	await page.getByRole('button', { name: 'Make an account' }).click();
	await page.getByRole('button', { name: 'Reserve this contract' }).waitFor();
	return password;
}

export async function toFirstOffer(page) {
	await page.goto('/offers');
	await page.getByRole('article').first().getByRole('link').click();
}

/** The contract whose page is open. */
export async function contractOf(page) {
	return json(page, `/api/v1/contracts/${new URL(page.url()).pathname.split('/').pop()}`);
}

/** Every item of a list of the API. */
export async function listOf(page, path) {
	const items = [];
	for (let cursor = ''; cursor !== null; ) {
		const answer = await json(page, cursor ? `${path}?cursor=${encodeURIComponent(cursor)}` : path);
		items.push(...answer.items);
		cursor = answer.next_cursor ?? null;
	}
	return items;
}

/** Presses the button and waits for the verdict: "held" or "failed". */
export async function verify(page) {
	await page.getByRole('button', { name: /^Verify (now|again)$/ }).click();
	return verdict(page);
}

export async function verdict(page) {
	const shown = page.locator('[data-verdict]');
	const broken = page.getByText('The verification could not be finished');
	await shown.or(broken).waitFor();
	if (await broken.isVisible()) assert.fail(await page.getByRole('alert').innerText());
	return shown.getAttribute('data-verdict');
}

/** What a click on a download button gives, as text. */
export async function download(page, name) {
	const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name }).click()]);
	return readFile(await file.path(), 'utf8');
}

async function json(page, path) {
	const response = await page.request.get(path);
	assert.ok(response.ok(), `${path}: ${response.status()}`);
	return response.json();
}
