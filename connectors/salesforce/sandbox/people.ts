/** A Contact, Lead or Account of the sandbox's org. */
export interface SandboxPerson {
  kind: "Contact" | "Lead" | "Account";
  Id: string;
  Name: string;
  Phone?: string;
  MobilePhone?: string;
  HomePhone?: string;
  Fax?: string;
  /** The org's own fields: of the type Phone, Text and Number. */
  Direct_Line__c?: string;
  Old_Phone__c?: string;
  Plain_Number__c?: number;
  /** A Contact's. */
  AccountId?: string;
  OwnerId?: string;
  LastModifiedDate: string;
  IsConverted?: boolean;
  ConvertedContactId?: string;
  /** Of one that was deleted in a merge: the record that was kept. */
  MasterRecordId?: string;
}

type Prefix = "003" | "00Q" | "001" | "00T" | "005" | "006" | "0PS" | "00N" | "01k" | "0Pa";

/** An 18-character id: prefix, twelve digits of our own, and the checksum that makes ids safe to compare without case. */
export function recordId(prefix: Prefix, serial: number): string {
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
    AccountId: recordId("001", 1),
    OwnerId: recordId("005", 1),
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
    OwnerId: recordId("005", 2),
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

export interface SandboxUser {
  Id: string;
  Email: string;
  IsActive: boolean;
}

export const USERS: SandboxUser[] = [
  { Id: recordId("005", 1), Email: "sales@example.com", IsActive: true },
  { Id: recordId("005", 2), Email: "sam.seller@example.com", IsActive: true },
  { Id: recordId("005", 3), Email: "left@example.com", IsActive: false },
];

export interface SandboxDeal {
  Id: string;
  AccountId: string;
  IsClosed: boolean;
  CreatedDate: string;
}

/** The newest of Example Industries is closed. */
export const DEALS: SandboxDeal[] = [
  { Id: recordId("006", 1), AccountId: recordId("001", 1), IsClosed: false, CreatedDate: "2024-11-01T09:00:00.000+0000" },
  { Id: recordId("006", 2), AccountId: recordId("001", 1), IsClosed: false, CreatedDate: "2024-12-01T09:00:00.000+0000" },
  { Id: recordId("006", 3), AccountId: recordId("001", 1), IsClosed: true, CreatedDate: "2025-01-01T09:00:00.000+0000" },
];
