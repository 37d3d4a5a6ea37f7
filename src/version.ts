/** The program's version; the package file must say the same (checked by the tests). */
export const programVersion = (): string => '0.1.0'
