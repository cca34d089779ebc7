/** Chromium with a fresh profile, what it asked the network for, and what its console complained about. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { launchChromium } from './chromium.mjs';
import { BASE_URL, CHROMIUM, SHOTS, WAIT_MS } from './setting.mjs';

const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 360, height: 740 };
const SCHEMES = ['light', 'dark'];

export function launch() {
	mkdirSync(SHOTS, { recursive: true });
	return launchChromium(CHROMIUM);
}

/** A person at a browser of their own: nobody is signed in, nothing is stored. */
export async function newVisitor(browser) {
	const context = await browser.newContext({
		baseURL: BASE_URL,
		viewport: DESKTOP,
		colorScheme: 'light',
		reducedMotion: 'reduce'
	});
	context.setDefaultTimeout(WAIT_MS);
	const page = await context.newPage();
	const seen = { foreign: [], errors: [] };
	context.on('request', (request) => {
		const local = [BASE_URL, 'data:', 'blob:'].some((start) => request.url().startsWith(start));
		if (!local) seen.foreign.push(request.url());
	});
	page.on('pageerror', (error) => seen.errors.push(error.message));
	page.on('console', (message) => message.text().includes('Content Security Policy') && seen.errors.push(message.text()));
	return { context, page, seen, leave: () => leave(context) };
}

/** Closes the visitor's pages. Answers that a test is still changing have nobody left to read them: their errors are none. */
async function leave(context) {
	await context.unrouteAll({ behavior: 'ignoreErrors' });
	await context.close();
}

/** The page has no serious accessibility violation in either colour scheme. */
export async function assertAccessible(page) {
	for (const colorScheme of SCHEMES) {
		await page.emulateMedia({ colorScheme });
		const { violations } = await new AxeBuilder({ page }).analyze();
		const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
		const found = serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(', ')}`);
		assert.deepEqual(found, [], `${page.url()} in ${colorScheme}`);
	}
	await page.emulateMedia({ colorScheme: 'light' });
}

/** Pictures on desktop and phone, light and dark; on none of them is the page wider than the screen. */
export async function takePictures(page, name) {
	for (const [device, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE })) {
		await page.setViewportSize(viewport);
		const width = await page.evaluate(() => document.documentElement.scrollWidth);
		assert.ok(width <= viewport.width, `${name} is ${width} px wide on a ${device} of ${viewport.width} px`);
		for (const colorScheme of SCHEMES) {
			await page.emulateMedia({ colorScheme });
			await page.screenshot({ path: join(SHOTS, `${name}-${device}-${colorScheme}.png`), fullPage: true });
		}
	}
	await page.setViewportSize(DESKTOP);
	await page.emulateMedia({ colorScheme: 'light' });
}

/** Presses Tab until the element has the focus; a person without a mouse must get there. */
export async function tabTo(page, locator, presses = 80) {
	for (let press = 0; press < presses; press += 1) {
		if (await locator.evaluate((element) => element === document.activeElement)) return;
		await page.keyboard.press('Tab');
	}
	assert.fail(`${presses} presses of Tab do not reach ${locator}`);
}
