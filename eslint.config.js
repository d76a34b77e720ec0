import js from '@eslint/js'
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript'
import importX from 'eslint-plugin-import-x'
import tseslint from 'typescript-eslint'
import { roomZones } from './eslint.rooms.js'
import { wordsPlugin } from './eslint.words.js'

const zone = (target, from, message) => ({ target, from, message })

export default tseslint.config(
  {
    ignores: [
      'node_modules/',
      'build/',
      '.keymint/',
      '.cache/',
      'app/adapters/prisma-client/',
      'test-results/',
      '*.config.js',
      'prisma/schema-engine.mjs',
    ],
  },
  js.configs.recommended,
  tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    plugins: { 'import-x': importX, house: wordsPlugin },
    settings: {
      'import-x/resolver-next': [createTypeScriptImportResolver({ project: 'tsconfig.json' })],
    },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': [
        'error',
        { checksVoidReturn: { attributes: false } },
      ],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true, allowNullish: true },
      ],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      // Remix answers by throwing a Response.
      '@typescript-eslint/only-throw-error': [
        'error',
        { allow: [{ from: 'lib', name: 'Response' }], allowThrowingUnknown: true },
      ],
      '@typescript-eslint/require-await': 'off',
      'no-console': 'error',
      // Imports run one way: routes -> web -> domain -> adapters, jobs -> domain. Nothing imports
      // routes; stand-ins know nothing of app.
      'import-x/no-restricted-paths': [
        'error',
        {
          zones: [
            zone(
              './app/adapters',
              [
                './app/domain',
                './app/messages',
                './app/web',
                './app/routes',
                './app/components',
                './app/client',
                './jobs',
              ],
              'Adapters stand below the domain.',
            ),
            zone(
              './app/domain',
              [
                './app/messages',
                './app/web',
                './app/routes',
                './app/components',
                './app/client',
                './app/env.server.ts',
                './app/runtime.server.ts',
                './jobs',
              ],
              'The domain knows neither pages, sentences nor processes.',
            ),
            zone(
              './app/web',
              ['./app/routes', './app/runtime.server.ts', './jobs'],
              'web stands below the routes.',
            ),
            zone(
              './app/components',
              ['./app/routes', './app/web', './app/adapters', './jobs'],
              'Components take props.',
            ),
            zone(
              './app/messages',
              [
                './app/adapters',
                './app/web',
                './app/routes',
                './app/components',
                './app/client',
                './jobs',
              ],
              'A message is made from a code and its values alone.',
            ),
            zone(
              './app/client',
              ['./app/routes', './app/web', './app/adapters', './jobs'],
              'What runs in the browser knows no server.',
            ),
            zone(
              './app/routes',
              ['./app/adapters', './app/env.server.ts', './app/runtime.server.ts', './jobs'],
              'A route parses, makes one domain call and answers.',
            ),
            zone(
              ['./app', './jobs'],
              ['./simulators', './tests', './e2e', './bench'],
              'Product code has no branch for tests or demo.',
            ),
            zone('./app', './jobs', 'Only jobs, bench and the harness import jobs.'),
            zone(
              './simulators/{openrouter,litellm,identity,postgres}',
              ['./app', './jobs'],
              'A stand-in that shared code with the app would share its mistakes.',
            ),
            ...roomZones,
          ],
        },
      ],
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'house/words': 'error',
      'max-len': ['error', { code: 120, ignoreUrls: true }],
      'max-lines': ['error', { max: 350 }],
      'no-restricted-properties': [
        'error',
        {
          object: 'vi',
          property: 'mock',
          message: 'Use the stand-ins: real servers on real ports.',
        },
      ],
    },
  },
  {
    files: ['app/**/*.{ts,tsx}'],
    ignores: ['app/env.server.ts', 'app/cli/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only env.server.ts reads the environment.',
        },
      ],
    },
  },
  {
    files: ['app/domain/**/*.ts'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: "NewExpression[callee.name='Date'][arguments.length=0]",
          message: 'The domain asks ctx.now().',
        },
        {
          selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
          message: 'The domain asks ctx.now().',
        },
        {
          selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']",
          message: 'The domain is not random.',
        },
        { selector: "CallExpression[callee.name='fetch']", message: 'Only adapters call out.' },
      ],
    },
  },
  // The list itself names what is not used.
  { files: ['eslint.words*', 'tests/words.test.ts'], rules: { 'house/words': 'off' } },
  // Tests alone see both sides.
  { files: ['**/*.test.ts'], rules: { 'import-x/no-restricted-paths': 'off' } },
  {
    files: ['**/*.test.ts', 'simulators/**', 'tests/**', 'e2e/**', 'bench/**', 'app/cli/**'],
    rules: { 'no-console': 'off', '@typescript-eslint/unbound-method': 'off' },
  },
  { files: ['**/*.{js,mjs}'], extends: [tseslint.configs.disableTypeChecked] },
)
