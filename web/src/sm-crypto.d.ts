/** The parts of sm-crypto and jsbn that `soft-token.ts` uses; neither brings types. */
declare module 'jsbn' {
  export class BigInteger {
    constructor(digits: string, radix: number);
  }
}

declare module 'sm-crypto' {
  import type { BigInteger } from 'jsbn';

  interface SignOptions {
    readonly der?: boolean;
    readonly hash?: boolean;
    readonly publicKey?: string;
    readonly userId?: string;
    readonly pointPool?: { k: BigInteger; x1: BigInteger }[];
  }
  interface CipherOptions {
    readonly mode: 'cbc';
    readonly iv: readonly number[];
    readonly padding: 'pkcs#7';
    readonly output: 'array';
  }
  export const sm2: {
    generateKeyPairHex(random: string, radix: number): { privateKey: string; publicKey: string };
    getPublicKeyFromPrivateKey(privateKey: string): string;
    doSignature(message: string, privateKey: string, options: SignOptions): string;
    doVerifySignature(message: string, signature: string, publicKey: string, options: SignOptions): boolean;
  };
  export const sm4: {
    encrypt(content: readonly number[], key: readonly number[], options: CipherOptions): number[];
    decrypt(content: readonly number[], key: readonly number[], options: CipherOptions): number[];
  };
}
