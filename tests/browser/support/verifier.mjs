/** What a person sees of the verifier. */

/** Outcome by check id. */
export async function outcomesOf(page) {
	const rows = page.locator('[data-check]');
	const pairs = await rows.evaluateAll((all) => all.map(({ dataset }) => [dataset.check, dataset.outcome]));
	return Object.fromEntries(pairs);
}

/** Chooses how deep to verify: "Exact", "Estimate" or "Sampled". */
export async function chooseDepth(page, name) {
	await page.getByRole('radio', { name }).check();
}

/** The log's head that this browser remembers, as it is stored: `change` replaces it by another one. */
export async function changeRemembered(page, change) {
	const [key, kept] = await page.evaluate(() =>
		Object.entries(localStorage).find(([key]) => key.startsWith('provenhash.seen.'))
	);
	const changed = JSON.stringify({ ...JSON.parse(kept), ...change(JSON.parse(kept)) });
	await page.evaluate(([key, value]) => localStorage.setItem(key, value), [key, changed]);
	return () => page.evaluate(([key, value]) => localStorage.setItem(key, value), [key, kept]);
}
