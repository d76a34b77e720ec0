export * from './domain/money'
