/** The browser of the benchmarks: the one that CHROMIUM names. */
import { chromium } from 'playwright-core';

const FLAGS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
	'--no-first-run'
];

export function launch() {
	return chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
}
