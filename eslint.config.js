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
// POSIX locks belong to the process: whoever else opens and closes these files drops SQLite's locks on them.
const databaseFiles = {
  selector: 'Literal[value=/metadata\\.db|^holders$/], TemplateElement[value.raw=/metadata\\.db|^holders/]',
  message: 'Only paths.ts and the database driver name metadata.db and holders/; nobody else opens them.',
};
const databasePaths = {
  selector:
    "MemberExpression[object.name='paths'][property.name=/^(database|holder)$/], MemberExpression[object.property.name=/^#?paths$/][property.name=/^(database|holder)$/]",
  message: 'Only the database driver and those who hand it its paths may name the files of the database.',
};
const databaseLibraries = ['node:sqlite', 'sqlite', '@photostructure/sqlite'];
const openingLibraries = {
  selector: `ImportExpression[source.value=/^(${databaseLibraries.join('|').replaceAll('/', '\\/')})$/], CallExpression[callee.property.name='getBuiltinModule']`,
  message: "Only database/library.ts loads a SQLite: two of them in a process drop each other's locks.",
};
const topLevelAwait = {
  selector:
    'Program > ExpressionStatement > AwaitExpression, Program > VariableDeclaration AwaitExpression:not(:function AwaitExpression)',
  message: 'Top-level await breaks require() of the library.',
};

const database = [databaseFiles, databasePaths, openingLibraries];

const sources = ['src/**/*.ts'];
const tests = ['**/*.test.ts', 'test/**/*.ts', 'bench/**/*.ts', 'src/testing/**/*.ts'];

export default tseslint.config(
  { ignores: ['dist/**', '.build/**', 'node_modules/**', 'coverage/**'] },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'bench/**/*.ts', '*.config.ts'],
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
      'no-restricted-syntax': ['error', syncCalls, jsonParse, topLevelAwait, ...database],
      'no-restricted-imports': [
        'error',
        { paths: databaseLibraries.map((name) => ({ name, message: openingLibraries.message })) },
      ],
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
    rules: { 'no-restricted-syntax': ['error', syncCalls, topLevelAwait, ...database] },
  },
  {
    // Those who ask whether the files of the database are there, or hand their paths to the driver.
    files: ['paths', 'root', 'open-place', 'holders', 'reserve', 'fsck/rebuild'].map(
      (name) => `src/backends/dir/${name}.ts`,
    ),
    rules: { 'no-restricted-syntax': ['error', syncCalls, topLevelAwait, openingLibraries] },
  },
  {
    // Inside a database transaction nothing may await, so the driver and its file operations are synchronous.
    files: ['src/backends/dir/database/*.ts'],
    rules: { 'no-restricted-syntax': ['error', topLevelAwait] },
  },
  {
    files: ['src/backends/dir/node-files.ts'],
    rules: { 'no-restricted-syntax': ['error', topLevelAwait, ...database] },
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
    rules: { 'no-restricted-syntax': ['error', syncCalls, jsonParse, ...database] },
  },
);
