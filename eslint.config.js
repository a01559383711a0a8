import tseslint from 'typescript-eslint';

/** Rules that carry the design; taste is left to prettier. Each block says what it protects. */

const syncCalls = {
  selector: 'CallExpression[callee.property.name=/Sync$/], CallExpression[callee.name=/Sync$/]',
  message:
    'Synchronous I/O belongs in the database driver and the file operations that run inside its transactions.',
};
const jsonParse = {
  selector: "CallExpression[callee.object.name='JSON'][callee.property.name='parse']",
  message: 'Parse foreign JSON with parseJson (oci/json.ts): it limits, checks and names what it reads.',
};
const topLevelAwait = {
  selector:
    'Program > ExpressionStatement > AwaitExpression, Program > VariableDeclaration AwaitExpression:not(:function AwaitExpression)',
  message: 'Top-level await breaks require() of the library.',
};

const sources = ['src/**/*.ts'];
const tests = ['**/*.test.ts', 'test/**/*.ts', 'src/testing/**/*.ts'];

export default tseslint.config(
  { ignores: ['dist/**', 'node_modules/**', 'coverage/**'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', '*.config.ts'],
    extends: [...tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/no-empty-object-type': 'off',
      'max-lines': ['error', { max: 400 }],
      'no-restricted-syntax': ['error', syncCalls, jsonParse, topLevelAwait],
    },
  },
  {
    // Only the command knows about the process it runs in.
    files: sources,
    ignores: ['src/cli/**', ...tests],
    rules: {
      'no-console': 'error',
      'no-restricted-globals': ['error', { name: 'process', message: 'Only cli/ touches the process.' }],
    },
  },
  {
    // The door for foreign JSON, and the one for JSON this project wrote itself.
    files: ['src/oci/json.ts', 'src/backends/dir/**/*.ts', ...tests],
    ignores: ['src/backends/dir/layout.ts'],
    rules: { 'no-restricted-syntax': ['error', syncCalls, topLevelAwait] },
  },
  {
    // Inside a database transaction nothing may await, so the driver and its file operations are synchronous.
    files: ['src/backends/dir/database/*.ts', 'src/backends/dir/files.ts'],
    rules: { 'no-restricted-syntax': ['error', topLevelAwait] },
  },
  {
    files: tests,
    rules: {
      'no-restricted-syntax': 'off',
      'max-lines': ['error', { max: 500 }],
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['src/cli/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', syncCalls, jsonParse] },
  },
);
