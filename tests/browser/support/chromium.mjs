/** Chromium as tests and benchmarks start it. */
import { chromium } from 'playwright-core';

const FLAGS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
	'--no-first-run'
];

export function launchChromium(executablePath) {
	return chromium.launch({ executablePath, args: FLAGS });
}
