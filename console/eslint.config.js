import hooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

// Arrows: app -> features -> forms -> api, ui; i18n is free to all but ui; a feature never imports a feature.
const forbid = (files, groups, message) => ({
    files,
    rules: { 'no-restricted-imports': ['error', { patterns: [{ group: groups, message }] }] },
});

export default tseslint.config(
    { ignores: ['node_modules'] },
    ...tseslint.configs.strict,
    {
        plugins: { 'react-hooks': hooks },
        rules: {
            'react-hooks/rules-of-hooks': 'error',
            'react-hooks/exhaustive-deps': 'error',
            '@typescript-eslint/no-explicit-any': 'error',
            'max-lines': ['error', 200],
            'no-console': 'error',
            eqeqeq: 'error',
        },
    },
    forbid(['src/ui/**'], ['**/api/**', '**/features/**', '**/app/**', '**/forms/**', '**/i18n/**'], 'ui imports nothing of ours'),
    forbid(['src/api/**'], ['**/features/**', '**/app/**', '**/forms/**', '**/ui/**', '**/i18n/**'], 'api imports nothing of ours'),
    forbid(['src/forms/**'], ['**/features/**', '**/app/**'], 'forms imports api, ui and i18n only'),
    forbid(['src/i18n/**'], ['**/features/**', '**/app/**', '**/ui/**', '**/api/**'], 'i18n imports nothing of ours'),
    forbid(
        ['src/features/**'],
        ['**/app/**', '**/features/**', '../status/**', '../jobs/**', '../playground/**', '../keys/**', '../usage/**',
            '../directory/**', '../upstreams/**', '../requests/**'],
        'a feature imports api, forms, ui and i18n only',
    ),
);
