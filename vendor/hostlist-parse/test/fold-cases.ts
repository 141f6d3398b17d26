/** Names, separated by blanks, with their hostlist and, where it is another, their sorted hostlist. */
export interface FoldCase {
  readonly names: string;
  readonly hostlist: string;
  readonly sorted?: string;
}

/** What `show hostlist` and `show hostlistsorted` of Slurm 22.05 and 24.11 print too. */
export const FOLD_CASES: readonly FoldCase[] = [
  // nothing to join
  { names: "a", hostlist: "a" },
  { names: "a1", hostlist: "a1" },
  { names: "a01", hostlist: "a01" },
  { names: "1", hostlist: "1" },
  { names: "a b", hostlist: "a,b" },
  { names: "b a", hostlist: "b,a", sorted: "a,b" },
  { names: "a a", hostlist: "a,a" },
  { names: "a1 b1", hostlist: "a1,b1" },
  { names: "a1 b1 a2", hostlist: "a1,b1,a2", sorted: "a[1-2],b1" },
  { names: "a1x a2x", hostlist: "a1x,a2x" },
  { names: "a1.b a2.b", hostlist: "a1.b,a2.b" },
  // neighbours in ascending order
  { names: "a1 a2", hostlist: "a[1-2]" },
  { names: "a1 a2 a3", hostlist: "a[1-3]" },
  { names: "a0 a1", hostlist: "a[0-1]" },
  { names: "1 2 3", hostlist: "[1-3]" },
  { names: "n-1 n-2", hostlist: "n-[1-2]" },
  { names: "a1b1 a1b2", hostlist: "a1b[1-2]" },
  { names: "a1 a3", hostlist: "a[1,3]" },
  { names: "a1 a2 a4", hostlist: "a[1-2,4]" },
  { names: "a1 a3 a4", hostlist: "a[1,3-4]" },
  { names: "a1 a2 a4 a5 a7", hostlist: "a[1-2,4-5,7]" },
  { names: "a1 a2 b3 b4", hostlist: "a[1-2],b[3-4]" },
  { names: "a1 a2 b a3 a4", hostlist: "a[1-2],b,a[3-4]", sorted: "a[1-4],b" },
  // any other order is kept
  { names: "a3 a2 a1", hostlist: "a[3,2,1]", sorted: "a[1-3]" },
  { names: "a2 a1", hostlist: "a[2,1]", sorted: "a[1-2]" },
  { names: "a2 a3 a1", hostlist: "a[2-3,1]", sorted: "a[1-3]" },
  { names: "a10 a9", hostlist: "a[10,9]", sorted: "a[9-10]" },
  { names: "a10 a2 a1", hostlist: "a[10,2,1]", sorted: "a[1-2,10]" },
  // duplicates
  { names: "a1 a1", hostlist: "a[1,1]" },
  { names: "a1 a1 a2", hostlist: "a[1,1-2]" },
  { names: "a1 a2 a2 a3", hostlist: "a[1-2,2-3]" },
  { names: "a1 a2 a3 a1 a2 a3", hostlist: "a[1-3,1-3]", sorted: "a[1,1-2,2-3,3]" },
  { names: "a1 a1 a1 a2 a2 a2", hostlist: "a[1,1,1-2,2,2]" },
  { names: "a1 b a1 b", hostlist: "a1,b,a1,b", sorted: "a[1,1],b,b" },
  // width
  { names: "a01 a02", hostlist: "a[01-02]" },
  { names: "a08 a09 a10 a11", hostlist: "a[08-11]" },
  { names: "a9 a10", hostlist: "a[9-10]" },
  { names: "a99 a100", hostlist: "a[99-100]" },
  { names: "a099 a100", hostlist: "a[099-100]" },
  { names: "a09 a10 a100", hostlist: "a[09-10,100]" },
  { names: "a9 a010", hostlist: "a[9,010]" },
  { names: "a1 a02", hostlist: "a[1,02]" },
  { names: "a1 a01 a001", hostlist: "a[1,01,001]" },
  { names: "a001 a01 a1", hostlist: "a[001,01,1]", sorted: "a[1,01,001]" },
  { names: "a02 a1 a3 a04", hostlist: "a[02,1,3,04]", sorted: "a[1,3,02,04]" },
  { names: "a99 a0100", hostlist: "a[99,0100]" },
  { names: "a00 a0", hostlist: "a[00,0]", sorted: "a[0,00]" },
  // sorting by prefix
  { names: "n10-1 n2-1", hostlist: "n10-1,n2-1", sorted: "n2-1,n10-1" },
  { names: "n1 n", hostlist: "n1,n", sorted: "n,n1" },
  { names: "n-1 n1 n", hostlist: "n-1,n1,n", sorted: "n,n1,n-1" },
  { names: "r10n1 r9n1 r10n2", hostlist: "r10n1,r9n1,r10n2", sorted: "r9n1,r10n[1-2]" },
  { names: "a1 A1 b1 B1", hostlist: "a1,A1,b1,B1", sorted: "A1,B1,a1,b1" },
  { names: "ab1 a1", hostlist: "ab1,a1", sorted: "a1,ab1" },
  { names: "r01-1 r1-1 r001-1", hostlist: "r01-1,r1-1,r001-1", sorted: "r001-1,r01-1,r1-1" },
  { names: "r0-1 r-1", hostlist: "r0-1,r-1", sorted: "r-1,r0-1" },
  { names: "x10y x9y x09y", hostlist: "x10y,x9y,x09y", sorted: "x09y,x9y,x10y" },
  { names: "x12a5 x13a1 x12a4", hostlist: "x12a5,x13a1,x12a4", sorted: "x12a[4-5],x13a1" },
  { names: "2x 10x 1x", hostlist: "2x,10x,1x", sorted: "1x,2x,10x" },
  { names: "10 9 a 8", hostlist: "[10,9],a,8", sorted: "[8-10],a" },
  // characters without a meaning
  { names: "{a}1 {a}2", hostlist: "{a}[1-2]" },
  { names: "a*1 a*2", hostlist: "a*[1-2]" },
  { names: "a.b-c_1 a.b-c_2", hostlist: "a.b-c_[1-2]" },
];
