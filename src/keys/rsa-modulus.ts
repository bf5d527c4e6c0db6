// Detects the weak RSA moduli of the Infineon library ("ROCA", CVE-2017-15361, Nemec et al., CCS 2017). Their primes are
// powers of 65537 modulo many small primes, so the modulus is one too, and an attacker can factor it.

const smallPrimes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];
const generator = 65537;

function isPowerOfGenerator(residue: number, prime: number): boolean {
  let power = 1;
  do {
    if (power === residue) return true;
    power = (power * generator) % prime;
  } while (power !== 1);
  return false;
}

/** The odds that a good modulus is mistaken for a weak one are about one in a hundred million. */
export function isRocaModulus(modulus: bigint): boolean {
  return smallPrimes.every((prime) => isPowerOfGenerator(Number(modulus % BigInt(prime)), prime));
}
