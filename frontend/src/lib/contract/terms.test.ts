import { expect, it } from 'vitest';
import { chargesSentence, schemeSentence } from './terms';

it('a window is said with its size', () =>
	expect(schemeSentence({ scheme: 'pplns', window_work: '5000000' })).toContain('last 5 MH'));

it.each([
	[null, 'included in the price'],
	[1_200, '1,200 sats per TH/s and day']
])('maintenance of %s is said', (rate, text) => {
	const sentence = chargesSentence({ fee_ppm: 20_000, maintenance_sats_per_ths_day: rate });
	expect(sentence).toContain('2.00 %');
	expect(sentence).toContain(text);
});
