// Runs before the first paint, so that a chosen theme never flashes. The key is the one of src/lib/theme.ts.
try {
	const theme = localStorage.getItem('provenhash.theme');
	if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
	// Storage can be switched off; the system's theme is then used.
}
