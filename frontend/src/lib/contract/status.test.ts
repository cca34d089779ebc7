import { expect, it } from 'vitest';
import { statusMeaning, statusText } from './status';

it('a status that this page does not know is shown as it is', () => expect(statusText('made_good')).toBe('Made good'));

it('what happens next is explained where the word does not say it', () => {
	expect(statusMeaning('paid')).toContain('next epoch');
	expect(statusMeaning('active')).toBeUndefined();
});
