import { refusal } from "./answers.ts";
import { recordId } from "./people.ts";
import type { Row } from "./soql-where.ts";
import { externalIdFieldOf, type TaskField } from "./task-fields.ts";

/** The org's make-up, as far as `patchbay setup` touches it: a field of Activity, and who may see it. */
export interface Admin {
  /** Those of Task that the integration user may see. */
  fields(): TaskField[];
  /** `tooling/sobjects/CustomField` */
  makeField(body: Record<string, unknown>): Response;
  /** `sobjects/PermissionSet`, `sobjects/FieldPermissions`, `sobjects/PermissionSetAssignment` */
  grant(object: string, body: Row): Response;
  tables: Record<"CustomField" | "PermissionSet" | "FieldPermissions" | "PermissionSetAssignment", Row[]>;
}

/** `hidden`: fields that the integration user cannot see. `mayCustomize`: it may change the org. */
export function createAdmin(options: {
  fields: TaskField[];
  hidden: readonly string[];
  mayCustomize: boolean;
  integrationUser: string;
}): Admin {
  const { fields, hidden, mayCustomize, integrationUser } = options;
  const tables: Admin["tables"] = { CustomField: [], PermissionSet: [], FieldPermissions: [], PermissionSetAssignment: [] };
  const made: TaskField[] = [];
  const created = (id: string) => Response.json({ id, success: true, errors: [] }, { status: 201 });

  /** A new field is seen by those who have a permission set that lets them. */
  function maySee(name: string): boolean {
    const sets = tables.PermissionSetAssignment.filter(({ AssigneeId }) => AssigneeId === integrationUser).map(
      (row) => row.PermissionSetId,
    );
    return tables.FieldPermissions.some(({ Field, ParentId }) => Field === `Task.${name}` && sets.includes(ParentId));
  }

  return {
    fields: () => [...fields.filter(({ name }) => !hidden.includes(name)), ...made.filter(({ name }) => maySee(name))],
    makeField({ FullName, Metadata, ...unknown }) {
      if (!mayCustomize) return refusal(400, "INVALID_TYPE", "sObject type 'CustomField' is not supported.");
      const [, object, name] = /^(\w+)\.(\w+__c)$/.exec(String(FullName)) ?? [];
      if (!name || Object.keys(unknown).length > 0) return refusal(400, "JSON_PARSER_ERROR", "FullName and Metadata are required");
      if (object !== "Activity") {
        return refusal(
          400,
          "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
          `Entity Enumeration Or ID: bad value for restricted picklist field: ${object}`,
        );
      }
      const { type, length, label, externalId } = (Metadata ?? {}) as Row;
      if (type !== "Text" || typeof label !== "string") return refusal(400, "FIELD_INTEGRITY_EXCEPTION", "Must specify a label and a type");
      if (typeof length !== "number" || length < 1 || length > 255)
        return refusal(400, "FIELD_INTEGRITY_EXCEPTION", "Length must be from 1 to 255");
      const DeveloperName = name.slice(0, -3);
      if (tables.CustomField.some((row) => row.DeveloperName === DeveloperName)) {
        return refusal(400, "DUPLICATE_DEVELOPER_NAME", `There is already a field named ${DeveloperName} on Activity.`);
      }
      const id = recordId("00N", tables.CustomField.length + 1);
      tables.CustomField.push({ Id: id, DeveloperName, TableEnumOrId: "Activity" });
      made.push({ ...externalIdFieldOf(name), externalId: externalId === true, length });
      return created(id);
    },
    grant(object, body) {
      if (!mayCustomize) return refusal(403, "INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id");
      const required = {
        PermissionSet: ["Name", "Label"],
        FieldPermissions: ["ParentId", "SobjectType", "Field", "PermissionsRead", "PermissionsEdit"],
        PermissionSetAssignment: ["AssigneeId", "PermissionSetId"],
      }[object];
      if (!required) return refusal(404, "NOT_FOUND", "The requested resource does not exist");
      const missing = required.find((name) => body[name] === undefined);
      if (missing) return refusal(400, "REQUIRED_FIELD_MISSING", `Required fields are missing: [${missing}]`);
      const known = fields.concat(made).some(({ name }) => `Task.${name}` === body.Field);
      if (object === "FieldPermissions" && (body.SobjectType !== "Task" || !known)) {
        return refusal(
          400,
          "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
          `Field Name: bad value for restricted picklist field: ${body.Field}`,
        );
      }
      const rows = tables[object as keyof Admin["tables"]];
      const prefix = ({ PermissionSet: "0PS", FieldPermissions: "01k", PermissionSetAssignment: "0Pa" } as const)[
        object as "PermissionSet"
      ];
      const id = recordId(prefix, rows.length + 1);
      rows.push({ Id: id, ...body });
      return created(id);
    },
    tables,
  };
}
