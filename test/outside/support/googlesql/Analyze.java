import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.zetasql.Analyzer;
import com.google.zetasql.AnalyzerOptions;
import com.google.zetasql.SimpleCatalog;
import com.google.zetasql.SimpleColumn;
import com.google.zetasql.SimpleTable;
import com.google.zetasql.TypeFactory;
import com.google.zetasql.ZetaSQLBuiltinFunctionOptions;
import com.google.zetasql.ZetaSQLType.TypeKind;
import com.google.zetasql.toolkit.options.BigQueryLanguageOptions;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;

/** Reads a statement a line, as JSON, and answers with what is wrong with it, if anything: {"error": null}. */
public class Analyze {
  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      JsonObject statement = JsonParser.parseString(line).getAsJsonObject();
      JsonObject answer = new JsonObject();
      answer.addProperty("error", errorOf(statement));
      System.out.println(answer);
    }
  }

  static String errorOf(JsonObject statement) {
    AnalyzerOptions options = new AnalyzerOptions();
    options.setLanguageOptions(BigQueryLanguageOptions.get());
    for (JsonElement name : statement.getAsJsonArray("parameters"))
      options.addQueryParameter(name.getAsString(), TypeFactory.createSimpleType(TypeKind.TYPE_STRING));
    SimpleCatalog catalog = new SimpleCatalog("bigquery");
    catalog.addZetaSQLFunctionsAndTypes(new ZetaSQLBuiltinFunctionOptions(BigQueryLanguageOptions.get()));
    String name = statement.get("table").getAsString();
    List<SimpleColumn> columns = new ArrayList<>();
    for (JsonElement one : statement.getAsJsonArray("columns")) {
      JsonObject column = one.getAsJsonObject();
      TypeKind kind = TypeKind.valueOf("TYPE_" + column.get("type").getAsString());
      columns.add(new SimpleColumn(name, column.get("name").getAsString(), TypeFactory.createSimpleType(kind)));
    }
    catalog.addSimpleTable(name, new SimpleTable(name, columns));
    try {
      Analyzer.analyzeStatement(statement.get("sql").getAsString(), options, catalog);
      return null;
    } catch (Exception error) {
      return String.valueOf(error.getMessage());
    }
  }
}
