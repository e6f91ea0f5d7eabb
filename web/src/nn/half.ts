/** Numbers of 16 bits (IEEE 754 binary16), which browsers cannot all read by themselves. */
export function fromHalf(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  const words = new Uint32Array(values.buffer);
  for (let i = 0; i < bits.length; i++) {
    const half = bits[i] as number;
    const sign = (half & 0x8000) << 16;
    const exponent = (half >> 10) & 31;
    const fraction = half & 0x3ff;
    if (exponent === 0) {
      values[i] = fraction * 2 ** -24 * (sign ? -1 : 1); // subnormal, or zero
    } else {
      const wide = exponent === 31 ? 255 : exponent + 112;
      words[i] = (sign | (wide << 23) | (fraction << 13)) >>> 0;
    }
  }
  return values;
}
