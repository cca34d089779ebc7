export type Theme = 'light' | 'dark';

/** Also read by static/theme.js before the first paint. */
const KEY = 'provenhash.theme';

/** The theme in force: the one chosen here, else the system's. */
export function currentTheme(): Theme {
	const chosen = document.documentElement.dataset.theme;
	if (chosen === 'light' || chosen === 'dark') return chosen;
	return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

export function chooseTheme(theme: Theme): void {
	document.documentElement.dataset.theme = theme;
	localStorage.setItem(KEY, theme);
}
