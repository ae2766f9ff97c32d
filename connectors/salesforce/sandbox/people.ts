/** A Contact, Lead or Account of the sandbox's org. */
export interface SandboxPerson {
  kind: "Contact" | "Lead" | "Account";
  Id: string;
  Name: string;
  Phone?: string;
  MobilePhone?: string;
  LastModifiedDate: string;
  IsConverted?: boolean;
}

/** An 18-character id: prefix, twelve digits of our own, and the checksum that makes ids safe to compare without case. */
export function recordId(prefix: "003" | "00Q" | "001" | "00T", serial: number): string {
  const id = `${prefix}Pb${String(serial).padStart(10, "0")}`;
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
  const checksum = [0, 5, 10].map((start) => {
    const bits = [...id.slice(start, start + 5)].reduce((sum, sign, index) => sum + (/[A-Z]/.test(sign) ? 1 << index : 0), 0);
    return letters[bits];
  });
  return id + checksum.join("");
}

/** Nobody real: the numbers are of ranges kept for fiction. Stored as people type them, which is what makes the search hard. */
export const PEOPLE: SandboxPerson[] = [
  {
    kind: "Contact",
    Id: recordId("003", 1),
    Name: "Dana Example",
    Phone: "(415) 555-0100",
    LastModifiedDate: "2025-01-10T09:00:00.000+0000",
  },
  {
    kind: "Lead",
    Id: recordId("00Q", 1),
    Name: "Dana Example",
    Phone: "+1 415-555-0100",
    LastModifiedDate: "2025-01-14T09:00:00.000+0000",
  },
  {
    kind: "Contact",
    Id: recordId("003", 2),
    Name: "Sam Sample",
    MobilePhone: "415.555.0101",
    LastModifiedDate: "2025-01-11T09:00:00.000+0000",
  },
  {
    kind: "Lead",
    Id: recordId("00Q", 2),
    Name: "Lee Prospect",
    Phone: "1 (415) 555-0102",
    LastModifiedDate: "2025-01-12T09:00:00.000+0000",
  },
  {
    kind: "Account",
    Id: recordId("001", 1),
    Name: "Example Industries",
    Phone: "415-555-0103",
    LastModifiedDate: "2025-01-09T09:00:00.000+0000",
  },
  {
    kind: "Contact",
    Id: recordId("003", 3),
    Name: "Robin Placeholder",
    Phone: "020 7946 0104",
    LastModifiedDate: "2025-01-08T09:00:00.000+0000",
  },
  {
    kind: "Contact",
    Id: recordId("003", 4),
    Name: "Jona Beispiel",
    MobilePhone: "+49 30 23012-5105",
    LastModifiedDate: "2025-01-07T09:00:00.000+0000",
  },
];
